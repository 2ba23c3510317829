/** Orders within the limits of a CA: tokens are taken before an order is sent, and what became of it is written down. */
import type { Identifier } from '../../acme/identifier.ts'
import { AcmeProblemError } from '../../acme/problem.ts'
import { AppError } from '../../base/errors.ts'
import type { Instant } from '../../base/instant.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Authority } from '../spec.ts'
import {
  believable,
  claimOrder,
  forecastAccount,
  recordAccount,
  recordAccountRefusal,
  recordFailed,
  recordIssued,
  recordRefusal,
} from './ledger.ts'
import { type LedgerUpdate, type OnLedgerWarning, updateLedger } from './ledger-file.ts'
import type { Exemption } from './limit.ts'
import { type OrderFacts, orderFacts } from './order-facts.ts'
import { ledgerName, limitsOf } from './published.ts'

export type BudgetOptions = {
  readonly state: string
  readonly onWarning: OnLedgerWarning
  readonly signal: AbortSignal
}

type BudgetRuntime = Pick<Runtime, 'files' | 'clock' | 'tryLock'>

/** The tokens that an order took. What becomes of it is told once. */
export type Claim = {
  readonly issued: () => Promise<void>
  /** It ended without a certificate; `failed` are the identifiers that could not be validated. */
  readonly failed: (failed: readonly string[]) => Promise<void>
  /** The CA did not take it. */
  readonly refused: (error: unknown) => Promise<void>
}

/** The limits of one CA, as far as they are known, and what is left of them. */
export type Budget = {
  /**
   * Takes the tokens of an order.
   * @throws AppError ERR_RATE_LIMITED with `retryAt` where it would be refused; nothing is sent then
   */
  readonly claim: (identifiers: readonly Identifier[], exemptions: readonly Exemption[]) => Promise<Claim>
  /** Tokens that an earlier process took. */
  readonly resume: (identifiers: readonly Identifier[], orderedAt: Instant) => Promise<Claim>
  /**
   * Registers an account within the limits.
   * @throws AppError ERR_RATE_LIMITED; what `register` throws
   */
  readonly account: <T>(register: () => Promise<T>) => Promise<T>
}

/** The budget at an authority. Its ledger is read and written when it is used; trouble with it is a warning. */
export function createBudget(
  authority: Authority,
  { state, onWarning, signal }: BudgetOptions,
  runtime: BudgetRuntime,
): Budget {
  const { clock } = runtime
  const limits = limitsOf(authority.directory, authority.limits)
  const name = ledgerName(authority.directory)
  const update = <T>(change: LedgerUpdate<T>): Promise<T> =>
    updateLedger(
      state,
      name,
      ledger => change(believable(ledger, limits, clock.now())),
      { onWarning, signal },
      runtime,
    )
  const factsOf = (identifiers: readonly Identifier[], exemptions: readonly Exemption[]) =>
    orderFacts(identifiers, { account: authority.id, exemptions, limits })
  const spent = (what: string, retryAt: Instant) =>
    new AppError('ERR_RATE_LIMITED', `${authority.id} was not asked: ${what}`, {
      hint: `it is tried again then; what is left of the limits is kept in ${state}/limits/${name}.json`,
      retryAt,
    })

  const claimOf = (order: OrderFacts, orderedAt: Instant): Claim => ({
    issued: () =>
      update(ledger => ({
        result: undefined,
        changes: recordIssued(ledger, order, limits, { orderedAt, now: clock.now() }),
      })),
    failed: failed =>
      update(ledger => ({
        result: undefined,
        changes: recordFailed(ledger, order, limits, { orderedAt, now: clock.now(), failed }),
      })),
    refused: error =>
      update(ledger => {
        const times = { orderedAt, now: clock.now() }
        if (!(error instanceof AcmeProblemError)) return { result: undefined, changes: [] } // it may have arrived
        if (error.code !== 'ERR_RATE_LIMITED')
          return { result: undefined, changes: recordFailed(ledger, order, limits, { ...times, failed: [] }) }
        const { detail = '' } = error.problem
        const refusal = { ...times, detail, retryAt: error.retryAt }
        return { result: undefined, changes: recordRefusal(ledger, order, limits, refusal) }
      }),
  })

  return {
    claim: async (identifiers, exemptions) => {
      const order = await factsOf(identifiers, exemptions)
      const orderedAt = clock.now()
      const wait = await update(ledger => claimOrder(ledger, order, limits, orderedAt))
      if (wait !== undefined) throw spent(wait.text, wait.until)
      return claimOf(order, orderedAt)
    },
    resume: async (identifiers, orderedAt) => claimOf(await factsOf(identifiers, []), orderedAt),
    account: async register => {
      const now = clock.now()
      const at = await update(ledger => {
        const free = forecastAccount(ledger, limits, now)
        return { result: free, changes: free > now ? [] : recordAccount(ledger, limits, now) }
      })
      if (at > now) throw spent('as many accounts were registered from here as it allows', at)
      try {
        return await register()
      } catch (error) {
        if (error instanceof AcmeProblemError && error.code === 'ERR_RATE_LIMITED') {
          const { detail = '' } = error.problem
          const refusal = { detail, retryAt: error.retryAt, now: clock.now() }
          await update(ledger => ({
            result: undefined,
            changes: recordAccountRefusal(ledger, limits, refusal),
          }))
        }
        throw error
      }
    },
  }
}
