/** Running a manager, and telling those who want to know what came of it. */
import type { ApplyResult } from '../manage/apply-result.ts'
import type { ApplyOptions } from '../manage/manager.ts'
import { createNotifier } from '../plugins/registry.ts'
import type { CommandContext } from './command.ts'
import type { Workbench } from './workbench.ts'

/** Applies, and reports by the notifiers and the heartbeat of the configuration; trouble with these is a warning. */
export async function applyAndReport(
  { manager, config }: Workbench,
  options: ApplyOptions,
  { state, runtime, onEvent, signal }: CommandContext,
): Promise<readonly ApplyResult[]> {
  const results = await manager.apply(options)
  const { notify, heartbeat, certificates } = config
  if (notify.length === 0 && heartbeat === undefined) return results
  const { reportRun } = await import('../manage/notify/report.ts')
  const problems = await reportRun(
    state,
    { results, configured: certificates.map(({ name }) => name) },
    {
      ...{ notify, signal, notifierFor: choice => createNotifier(choice, runtime) },
      ...(heartbeat !== undefined && { heartbeat }),
    },
    runtime,
  )
  for (const { message } of problems)
    onEvent({ certificate: undefined, step: 'notifying', level: 'warning', text: message })
  return results
}
