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
  const [{ metricsText, writeMetricsFile }, { certificateFamilies, seeCertificates, withRefusals }] =
    await Promise.all([
      import('../daemon/metrics/metrics.ts'),
      import('../daemon/metrics/certificate-metrics.ts'),
    ])
  const found = withRefusals(await seeCertificates(state, config.certificates, runtime), results)
  const measured = meter.measured()
  const text = metricsText({ version, certificates: certificateFamilies(found, measured), measured })
  await writeMetricsFile(metricsFile, text, runtime)
}
