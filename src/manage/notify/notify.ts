/** After a run: what is to be told is decided, remembered, and sent. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { dayMs, type Instant } from '../../base/instant.ts'
import type { Notification } from '../../contracts/notifier.ts'
import type { Lock } from '../../runtime/lock.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { RecalledNotifications, Recollection } from '../recollection.ts'
import { takeLock } from '../store/locks.ts'
import { isFor, type NotifierChoice } from './choice.ts'
import { type Decision, decideNotifications, type Run } from './decide.ts'
import { type DeliverOptions, type Delivery, deliverNotifications, type Outgoing } from './deliver.ts'
import { type NotificationMemory, readMemory, type Unsent, writeMemory } from './memory.ts'
import { validityAfter } from './validity.ts'

/** A notifier that is away for longer gets what is new. */
const keptForMs = 7 * dayMs
/** The oldest go first. */
const maxUnsent = 50
/** Another run only sends its notifications while it has the lock. */
const lockWaitMs = 60_000

/** How telling people went. Nothing in it is a failure of the run. */
export type NotifyOutcome = {
  /** What was decided now, sent or not. */
  readonly notifications: readonly Notification[]
  /** One for each notifier that had something to send. */
  readonly deliveries: readonly Delivery[]
  /** What a person should know: notifiers that failed, a memory that cannot be kept. */
  readonly problems: readonly AppError[]
}

export type NotifyOptions = DeliverOptions & {
  readonly notifiers: readonly NotifierChoice[]
  /** Of a process that stays: the memory is kept there while it cannot be read or written. */
  readonly recollection?: Pick<Recollection, 'notifications'>
}

type NotifyRuntime = Pick<Runtime, 'clock' | 'files' | 'hostName' | 'tryLock'>

/**
 * Tells people what came of a run, and what an earlier run could not tell. What is to be sent is written down first and
 * crossed out once it was taken over, so a crash in between sends it twice and never not at all.
 *
 * Never throws: a state directory that cannot be read or written makes it tell more than it should, not less.
 */
export async function notifyAfterRun(
  state: string,
  run: Run,
  { notifiers, recollection, ...options }: NotifyOptions,
  runtime: NotifyRuntime,
): Promise<NotifyOutcome> {
  if (notifiers.length === 0) return { notifications: [], deliveries: [], problems: [] }
  const problems: AppError[] = []
  const orTell = async <T>(step: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await step()
    } catch (error) {
      const what = `notifications: ${messageOf(error)}`
      problems.push(isAppError(error) ? error : new AppError('ERR_NOTIFY', what, { cause: error }))
      return undefined
    }
  }
  const at = runtime.clock.now()
  await using _lock = await orTell(() => lockMemory(state, options.signal, runtime))
  const stored = await orTell(() => readMemory(state, { files: runtime.files, now: at }))
  if (stored?.damagedAt !== undefined) problems.push(damaged(stored.damagedAt))
  const recalled = recollection?.notifications

  const validity = (await orTell(() => validityAfter(state, run.results, runtime))) ?? new Map()
  const { troubles, endpointTroubles = [], unsent } = recall(recalled, stored)
  const report = { ...run, at, host: runtime.hostName(), validity }
  const decision = decideNotifications(report, troubles, endpointTroubles)
  const outgoing = notifiers.map(choice => toSend(choice, { decided: decision.notifications, unsent, at }))
  const remember = async (waiting: readonly Unsent[]): Promise<void> => {
    const next = memoryOf(decision, waiting)
    const blind = stored === undefined && recalled?.blind !== false
    if (recollection !== undefined) recollection.notifications = { ...next, blind }
    if (stored === undefined) return // what could not be read is not written over
    await orTell(async () => {
      await writeMemory(state, next, runtime)
      if (recollection !== undefined) recollection.notifications = undefined
    })
  }
  const before = recalled === undefined ? memoryOf({ troubles, endpointTroubles }, unsent) : undefined // what is only recalled is to be written
  const intended = memoryOf(decision, outgoing.flatMap(allOf))
  const mustSend = intended.unsent.length > 0
  if (JSON.stringify(intended) !== JSON.stringify(before)) await remember(intended.unsent)
  if (!mustSend) return { notifications: [], deliveries: [], problems }
  const deliveries = await deliverNotifications(
    outgoing.filter(({ notifications }) => notifications.length > 0),
    options,
    runtime,
  )
  await remember(
    deliveries.flatMap(({ notifier, unsent: left }) =>
      left.map(notification => ({ notifier, notification })),
    ),
  )
  problems.push(...deliveries.flatMap(({ error }) => error ?? []))
  return { notifications: decision.notifications, deliveries, problems }
}

function memoryOf(
  { troubles, endpointTroubles }: Pick<Decision, 'troubles' | 'endpointTroubles'>,
  unsent: readonly Unsent[],
): NotificationMemory {
  return { troubles, ...(endpointTroubles.length > 0 && { endpointTroubles }), unsent }
}

/** What this process could not write down is newer than what is on disk, as far as it saw that. */
function recall(
  recalled: RecalledNotifications | undefined,
  stored: NotificationMemory | undefined,
): NotificationMemory {
  if (recalled === undefined || stored === undefined)
    return recalled ?? stored ?? { troubles: [], unsent: [] }
  if (!recalled.blind) return recalled
  const isRecalled = new Set(recalled.troubles.map(({ name }) => name))
  return {
    troubles: [...stored.troubles.filter(({ name }) => !isRecalled.has(name)), ...recalled.troubles],
    endpointTroubles: recalled.endpointTroubles ?? stored.endpointTroubles ?? [],
    unsent: [...stored.unsent, ...recalled.unsent],
  }
}

function lockMemory(
  state: string,
  signal: AbortSignal,
  runtime: Pick<Runtime, 'clock' | 'tryLock'>,
): Promise<Lock> {
  return takeLock(state, 'notifications', { about: 'tell people', waitMs: lockWaitMs, signal }, runtime)
}

type Queue = {
  readonly decided: readonly Notification[]
  readonly unsent: readonly Unsent[]
  readonly at: Instant
}

/** What is left from earlier, then what is new, as far as it is for this notifier. */
function toSend(choice: NotifierChoice, { decided, unsent, at }: Queue): Outgoing {
  const left = unsent
    .filter(({ notifier, notification }) => notifier === choice.label && at - notification.at < keptForMs)
    .map(({ notification }) => notification)
  const fresh = decided.filter(notification => isFor(choice, notification))
  return { choice, notifications: [...left, ...fresh].slice(-maxUnsent) }
}

function allOf({ choice, notifications }: Outgoing): readonly Unsent[] {
  return notifications.map(notification => ({ notifier: choice.label, notification }))
}

function damaged(path: string): AppError {
  return new AppError(
    'ERR_STORE_CORRUPT',
    `what had been told was not readable and is now at ${path}; some of it is told again`,
    { hint: 'see what happened to the disk, then delete that file' },
  )
}
