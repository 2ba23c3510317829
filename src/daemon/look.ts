/** One look at everything, and what is due done. */
import { type Instant, secondMs } from '../base/instant.ts'
import { type ApplyResult, idleResult } from '../manage/apply-result.ts'
import type { Manager, Plan } from '../manage/manager.ts'
import type { ReasonCode } from '../manage/plan/action.ts'
import type { Config } from '../manage/spec.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** A manager for one look, with what it holds open. */
export type OpenManager = AsyncDisposable & { readonly manager: Pick<Manager, 'plan' | 'apply'> }

/** Machines that are switched on together, or whose network comes back, do not ask the CA in the same second. */
const spreadMs = 30 * secondMs
/** Reasons that can wait for that. */
const patient: readonly ReasonCode[] = ['renewal-due', 'renewal-advised']

export type LookOptions = {
  readonly config: Config
  /** What these need is done, as if a person had asked for it; else what is due. */
  readonly only: readonly string[] | undefined
  /** Wait a little where nothing is urgent. */
  readonly gentle: boolean
  readonly openManager: (config: Config) => Promise<OpenManager>
  readonly onApplying: () => void
  readonly signal: AbortSignal
}

/** What was found and done. */
export type Found = {
  /** Of all that was looked at, also where nothing was due. */
  readonly results: readonly ApplyResult[]
  readonly applied: boolean
  /** When there is something to do next; absent where that is not known or nothing is to come. */
  readonly wakeAt?: Instant
  /** Why not everything could be looked at. */
  readonly error?: unknown
}

/** Never throws: what went wrong is in the result. */
export async function takeLook(
  { config, only, gentle, openManager, onApplying, signal }: LookOptions,
  { clock, random }: Pick<Runtime, 'clock' | 'random'>,
): Promise<Found> {
  let results: readonly ApplyResult[] = []
  let applied = false
  try {
    await using opened = await openManager(config)
    const { manager } = opened
    if (only === undefined) {
      // What cannot be planned as a whole may be possible in part: applying deals with one certificate after the other.
      const plan = await manager.plan({ signal }).catch(() => undefined)
      if (plan !== undefined && !isDue(plan, clock.now())) return found(idleResults(plan), false, plan)
      if (gentle && plan !== undefined && !isUrgent(plan))
        await clock.sleep(random.fraction() * spreadMs, signal)
    }
    signal.throwIfAborted()
    onApplying()
    applied = true
    results = await manager.apply({ signal, ...(only !== undefined && { only, eager: true }) })
    return found(results, applied, await manager.plan({ signal }))
  } catch (error) {
    return { results, applied, error }
  }
}

function found(results: readonly ApplyResult[], applied: boolean, { nextWakeAt }: Plan): Found {
  return { results, applied, ...(nextWakeAt !== undefined && { wakeAt: nextWakeAt }) }
}

// Whatever else there may be to do is due.
function idleResults({ actions }: Plan): readonly ApplyResult[] {
  return actions.flatMap(action =>
    action.kind === 'none' || action.kind === 'wait' ? idleResult(action) : [],
  )
}

function isDue({ nextWakeAt }: Plan, now: Instant): boolean {
  return nextWakeAt !== undefined && nextWakeAt <= now
}

function isUrgent({ actions }: Plan): boolean {
  return actions.some(
    ({ kind, reason }) => kind === 'deploy' || (kind === 'issue' && !patient.includes(reason.code)),
  )
}
