/** What looks like a mistake is not carried out. Pure. */
import { formatDuration } from '../../base/duration.ts'
import { AppError } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { clockToleranceMs } from '../clock.ts'
import type { SpecName } from '../spec.ts'
import type { Action, ReasonCode } from './action.ts'
import { safetyMargin } from './renewal-time.ts'

/** Good certificates that are thrown away together: this many, and this share of all, is taken for a mistake. */
const manyAtOnce = { count: 5, share: 0.5 } as const
/** Reasons that come from the configuration: a slip there makes them all true at once. */
const configuredReasons: readonly ReasonCode[] = [
  'identifiers-differ',
  'key-type-differs',
  'key-differs',
  'authority-differs',
]

/** Why actions are not carried out, and how to go on. */
export type Refusal = { readonly names: readonly SpecName[]; readonly error: AppError }

export type GuardOptions = {
  readonly now: Instant
  /** The latest instant that anything in the store was written at; absent where the clock is known to be right. */
  readonly latest?: Instant | undefined
  /** A person said that so much at once is meant. */
  readonly allowMany?: boolean
}

/** Looks at a whole plan. Deliveries are never refused: they spend nothing. */
export function guardPlan(
  actions: readonly Action[],
  { now, latest, allowMany = false }: GuardOptions,
): readonly Refusal[] {
  const issuing = actions.filter(({ kind }) => kind === 'issue')
  if (issuing.length === 0) return []
  const names = issuing.map(({ spec }) => spec.name)
  if (latest !== undefined && latest - now > clockToleranceMs) {
    const error = new AppError(
      'ERR_CLOCK',
      `the clock says ${formatInstant(now)}, but something was stored at ${formatInstant(latest)}, ${formatDuration(latest - now)} later`,
      {
        hint: 'set the clock (timedatectl shows it), then run the command again; nothing was asked of the CA',
      },
    )
    return [{ names, error }]
  }
  const replacing = issuing.filter(
    action =>
      action.kind === 'issue' && isGood(action, now) && configuredReasons.includes(action.reason.code),
  )
  const many = replacing.length >= manyAtOnce.count && replacing.length > actions.length * manyAtOnce.share
  if (!many || allowMany) return []
  const error = new AppError(
    'ERR_GUARD',
    `${replacing.length} of ${actions.length} certificates would be replaced while they are still good (first: ${replacing[0]?.reason.text ?? ''})`,
    {
      hint: 'where the change of the configuration is meant: certwright apply --all-at-once, or one by one with --only NAME',
    },
  )
  return [{ names: replacing.map(({ spec }) => spec.name), error }]
}

function isGood(action: Action, now: Instant): boolean {
  return action.kind === 'issue' && action.replaces !== undefined && safetyMargin(action.replaces) > now
}
