/** Telling people, by the notifiers of the configuration. */
import type { AppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import type { EndpointRecord } from '../manage/monitor/endpoint-records.ts'
import type { Recollection } from '../manage/recollection.ts'
import type { Config } from '../manage/spec.ts'
import { createNotifier } from '../plugins/registry.ts'
import type { CommandContext } from './command.ts'

const idLength = 16

type Told = Pick<CommandContext, 'state' | 'runtime' | 'signal'>

/**
 * Tells of a run, and gives the sign of life.
 * @returns what a person should be warned of; never throws
 */
export async function tellOfRun(
  { state, runtime, signal }: Told,
  { certificates, notify, heartbeat }: Config,
  {
    results,
    endpoints,
    nextRunAt,
    recollection,
  }: {
    /** Absent where only endpoints were looked at, which is no sign of life. */
    readonly results?: readonly ApplyResult[]
    /** Of all monitored endpoints, where they were looked at. */
    readonly endpoints?: readonly EndpointRecord[]
    readonly nextRunAt?: Instant
    /** Of a process that stays. */
    readonly recollection?: Recollection
  },
): Promise<readonly AppError[]> {
  if (notify.length === 0 && heartbeat === undefined) return []
  const { reportRun } = await import('../manage/notify/report.ts')
  const configured = certificates.map(({ name }) => name)
  return reportRun(
    state,
    {
      ...{ results: results ?? [], configured },
      ...(endpoints !== undefined && { endpoints }),
      ...(nextRunAt !== undefined && { nextRunAt }),
    },
    {
      ...{ notify, signal, notifierFor: choice => createNotifier(choice, runtime) },
      ...(heartbeat !== undefined && results !== undefined && { heartbeat }),
      ...(recollection !== undefined && { recollection }),
    },
    runtime,
  )
}

/**
 * Tells that the configuration cannot be used any more, or can be again, by the notifiers of the one that is in use.
 * @returns what a person should be warned of; never throws
 */
export async function tellOfConfiguration(
  { runtime, signal }: Told,
  { notify }: Config,
  error: AppError | undefined,
): Promise<readonly AppError[]> {
  if (notify.length === 0) return []
  const [{ isFor }, { configurationNotification }, { deliverNotifications }] = await Promise.all([
    import('../manage/notify/choice.ts'),
    import('../manage/notify/configuration-notification.ts'),
    import('../manage/notify/deliver.ts'),
  ])
  const { clock, random } = runtime
  const id = `configuration-${random.id(idLength)}`
  const notification = configurationNotification(error, { at: clock.now(), host: runtime.hostName(), id })
  const deliveries = await deliverNotifications(
    notify
      .filter(choice => isFor(choice, notification))
      .map(choice => ({ choice, notifications: [notification] })),
    { notifierFor: choice => createNotifier(choice, runtime), signal },
    runtime,
  )
  return deliveries.flatMap(delivery => delivery.error ?? [])
}
