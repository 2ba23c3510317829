/** Running a manager, and telling those who want to know what came of it. */
import { messageOf } from '../base/errors.ts'
import { tellDaemon } from '../daemon/status.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import type { ApplyOptions } from '../manage/manager.ts'
import type { EndpointRecord } from '../manage/monitor/endpoint-records.ts'
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
  const endpoints = options.only === undefined ? await lookAtMonitored(bench, context, warn) : undefined
  const told = await tellOfRun(context, bench.config, { results, ...(endpoints && { endpoints }) })
  for (const { message } of told) warn(message)
  await publish(bench, { results, endpoints: endpoints ?? [] }, context).catch((error: unknown) =>
    warn(`the metrics could not be written: ${messageOf(error)}`),
  )
  return results
}

/** The endpoints of `endpoints:`; what is wrong there is a warning, since it may be in the hands of others. */
async function lookAtMonitored(
  { config, runtime }: Workbench,
  { state, signal }: CommandContext,
  warn: (text: string) => void,
): Promise<readonly EndpointRecord[]> {
  const { monitorEndpoints } = await import('../manage/monitor/monitor.ts')
  const { records, problems } = await monitorEndpoints(state, config.endpoints, { signal }, runtime)
  for (const { message } of problems) warn(message)
  for (const { where, findings } of records.flatMap(({ looks }) => looks))
    for (const { text } of findings.filter(({ level }) => level === 'wrong')) warn(`${where}: ${text}`)
  return records
}

/** A daemon looks again, and shows what it sees; where there is none, the file is written. */
async function publish(
  { config, meter }: Workbench,
  {
    results,
    endpoints,
  }: { readonly results: readonly ApplyResult[]; readonly endpoints: readonly EndpointRecord[] },
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
  await writeMetricsFile(metricsFile, metricsText({ version, certificates, measured, endpoints }), runtime)
}
