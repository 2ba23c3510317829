/** From a plan to the calendar of what will follow it. */
import { sameIdentifiers } from '../../acme/identifier.ts'
import { dayMs, type Instant } from '../../base/instant.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Action } from '../plan/action.ts'
import { expectedRenewal } from '../plan/renewal-time.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { type Forecast, type ForecastCertificate, forecastRenewals } from './forecast.ts'
import type { Ledger } from './ledger.ts'
import { type OnLedgerWarning, readLedger } from './ledger-file.ts'
import type { Exemption, Limits } from './limit.ts'
import { orderFacts } from './order-facts.ts'
import { ledgerName, limitsOf } from './published.ts'

/** What most CAs give while nothing is known of a certificate that does not exist yet. */
const usualLifetimeMs = 90 * dayMs

/** The calendar of the orders that follow from a plan, within the limits of their CAs as far as they are known. */
export async function forecastPlan(
  state: string,
  actions: readonly Action[],
  {
    now,
    horizonMs,
    onWarning,
  }: { readonly now: Instant; readonly horizonMs: number; readonly onWarning: OnLedgerWarning },
  { files }: Pick<Runtime, 'files'>,
): Promise<Forecast> {
  const ledgers = new Map<string, { readonly ledger: Ledger; readonly limits: Limits }>()
  const certificates: ForecastCertificate[] = []
  for (const action of actions) {
    const { authority } = action.spec
    const ledger = ledgerName(authority.directory)
    const known = ledgers.get(ledger) ?? {
      ledger: await readLedger(state, ledger, onWarning, { files }),
      limits: limitsOf(authority.directory, authority.limits),
    }
    ledgers.set(ledger, known)
    certificates.push(await prospectOf(action, { now, ledger, limits: known.limits }))
  }
  return forecastRenewals(certificates, { now, horizonMs, ledgers })
}

async function prospectOf(
  action: Action,
  { now, ledger, limits }: { readonly now: Instant; readonly ledger: string; readonly limits: Limits },
): Promise<ForecastCertificate> {
  const { spec } = action
  const stored = storedBefore(action)
  const renewal: readonly Exemption[] =
    stored?.certificateId === undefined ? ['same-set'] : ['ari', 'same-set']
  const again = stored !== undefined && sameIdentifiers(stored.identifiers, spec.identifiers)
  return {
    name: spec.name,
    ledger,
    order: await orderFacts(spec.identifiers, {
      account: spec.authority.id,
      exemptions: again ? renewal : [],
      limits,
    }),
    dueAt: dueAt(action, now),
    renewal: {
      lifetimeMs: stored === undefined ? usualLifetimeMs : stored.notAfter - stored.notBefore,
      wanted: spec.renew.at,
      exemptions: renewal,
    },
  }
}

function storedBefore(action: Action): StoredCertificate | undefined {
  if (action.kind === 'issue') return action.replaces
  return action.kind === 'wait' ? undefined : action.certificate
}

function dueAt(action: Action, now: Instant): Instant {
  switch (action.kind) {
    case 'issue':
      return now
    case 'wait':
      return action.until
    case 'none':
      return action.renewAt
    case 'deploy':
      return expectedRenewal(action.certificate, undefined, action.spec.renew.at).at
    default:
      return action satisfies never
  }
}
