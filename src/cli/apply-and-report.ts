/** Running a manager, and telling those who want to know what came of it. */
import { messageOf } from '../base/errors.ts'
import { tellDaemon } from '../daemon/status.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import type { ApplyOptions } from '../manage/manager.ts'
import type { CommandContext } from './command.ts'
import { tellOfRun } from './tell-people.ts'
import { version } from './version.ts'
import type { Workbench } from './workbench.ts'

/**
 * Applies, and reports by the notifiers, the heartbeat and the metrics file of the configuration; trouble with these is a
 * warning.
 */
export async function applyAndReport(
  bench: Workbench,
  options: ApplyOptions,
  context: CommandContext,
): Promise<readonly ApplyResult[]> {
  const results = await bench.manager.apply(options)
  const warn = (text: string) =>
    context.onEvent({ certificate: undefined, step: 'notifying', level: 'warning', text })
  for (const { message } of await tellOfRun(context, bench.config, { results })) warn(message)
  await publish(bench, results, context).catch((error: unknown) =>
    warn(`the metrics could not be written: ${messageOf(error)}`),
  )
  return results
}

/** A daemon looks again, and shows what it sees; where there is none, the file is written. */
async function publish(
  { config, meter }: Workbench,
  results: readonly ApplyResult[],
  { state, runtime }: CommandContext,
): Promise<void> {
  const { metricsFile } = config.daemon
  const changed = results.some(({ outcome }) => outcome === 'issued' || outcome === 'deployed')
  if (!changed && metricsFile === undefined) return
  if ((await tellDaemon(state, runtime)) || metricsFile === undefined) return
  const [{ certificatesText }, { metricsText, writeMetricsFile }] = await Promise.all([
    import('../daemon/metrics/certificate-metrics.ts'),
    import('../daemon/metrics/metrics.ts'),
  ])
  const measured = meter.measured()
  const shown = { specs: config.certificates, results, served: measured.served }
  const certificates = await certificatesText(state, shown, runtime)
  await writeMetricsFile(metricsFile, metricsText({ version, certificates, measured }), runtime)
}
