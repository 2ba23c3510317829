/** Issuances that a limit of their CA has no room for are held back before anything is sent. */
import { type Instant, instant } from '../../base/instant.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Action } from '../plan/action.ts'
import type { Authority } from '../spec.ts'
import { believable } from './ledger.ts'
import { type OnLedgerWarning, readLedger } from './ledger-file.ts'
import type { Exemption } from './limit.ts'
import { type OrderFacts, orderFacts } from './order-facts.ts'
import { planWithin } from './plan-within.ts'
import { ledgerName, limitsOf } from './published.ts'

/** An action, and if it begins with a new order, what that is exempt from. */
export type Prospect = { readonly action: Action; readonly exemptions?: readonly Exemption[] }

/** When an issuance must be begun, for the order in which they are let in: what ends first goes first. */
export function endOf(action: Action): number {
  if (action.kind === 'issue') return action.replaces?.notAfter ?? 0
  return action.kind === 'deploy' ? 0 : Number.POSITIVE_INFINITY
}

/**
 * The same actions, with those that would be refused turned into waits. Where another CA can take over, nothing waits.
 */
export async function holdBack(
  state: string,
  prospects: readonly Prospect[],
  { now, onWarning }: { readonly now: Instant; readonly onWarning: OnLedgerWarning },
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly Action[]> {
  const held = new Map<Action, Action>()
  const limited = prospects.filter(
    ({ action, exemptions }) =>
      action.kind === 'issue' && action.spec.fallbacks.length === 0 && exemptions !== undefined,
  )
  const byLedger = Map.groupBy(limited, ({ action }) => ledgerName(action.spec.authority.directory))
  for (const [name, group] of byLedger) {
    const ledger = await readLedger(state, name, onWarning, { files })
    const sorted = group.toSorted((one, other) => endOf(one.action) - endOf(other.action))
    const [authority] = sorted.map(({ action }) => action.spec.authority)
    if (authority === undefined) continue
    const limits = limitsOf(authority.directory, authority.limits)
    const orders = await Promise.all(sorted.map(prospect => factsOf(prospect, authority)))
    const waits = planWithin(believable(ledger, limits, now), orders, limits, now)
    for (const [index, { action }] of sorted.entries()) {
      const wait = waits[index]
      if (wait === undefined) continue
      const { spec } = action
      const until = instant(wait.until)
      held.set(action, { kind: 'wait', spec, until, reason: { code: 'budget-spent', text: wait.text } })
    }
  }
  return prospects.map(({ action }) => held.get(action) ?? action)
}

function factsOf({ action, exemptions = [] }: Prospect, authority: Authority): Promise<OrderFacts> {
  const limits = limitsOf(authority.directory, authority.limits)
  return orderFacts(action.spec.identifiers, { account: authority.id, exemptions, limits })
}
