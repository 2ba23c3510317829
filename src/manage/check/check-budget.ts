/** What is left of the limits of a CA, for one more order of a certificate. */
import { formatInstant, type Instant } from '../../base/instant.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { exemptionsOf, replacedBy } from '../limits/exemptions.ts'
import { forecastOrder } from '../limits/ledger.ts'
import { readLedger } from '../limits/ledger-file.ts'
import { orderFacts } from '../limits/order-facts.ts'
import { ledgerName, limitsOf } from '../limits/published.ts'
import type { CertificateView } from '../observe/observation.ts'
import type { CertificateSpec } from '../spec.ts'
import { type Finding, finding } from './finding.ts'

/** Asks our own ledger; the CA is asked nothing. */
export async function checkBudget(
  state: string,
  spec: CertificateSpec,
  view: CertificateView,
  { now }: { readonly now: Instant },
  { files }: Pick<Runtime, 'files'>,
): Promise<Finding> {
  const { authority, identifiers } = spec
  const limits = limitsOf(authority.directory, authority.limits)
  if (Object.keys(limits).length === 0)
    return finding('budget', 'skipped', `no limits of ${authority.id} are known`)
  const warnings: string[] = []
  const onWarning = (text: string) => void warnings.push(text)
  const ledger = await readLedger(state, ledgerName(authority.directory), onWarning, { files })
  const exemptions = exemptionsOf(spec, view, { replaces: replacedBy(spec, view), now })
  const order = await orderFacts(identifiers, { account: authority.id, exemptions, limits })
  const wait = forecastOrder(ledger, order, limits, { now })
  if (wait !== undefined) {
    const text = `the next order at ${authority.id} must wait until ${formatInstant(wait.until)}: ${wait.text}`
    return finding(
      'budget',
      'warning',
      text,
      'it is sent then by itself; certwright simulate plays it through',
    )
  }
  const [warning] = warnings
  if (warning !== undefined) return finding('budget', 'warning', warning)
  return finding('budget', 'ok', `the limits of ${authority.id} have room for an order now`)
}
