/** All metrics as text. */
import { secondMs } from '../../base/instant.ts'
import type { EndpointRecord } from '../../manage/monitor/endpoint-records.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { DaemonStatus } from '../status.ts'
import { endpointsText } from './endpoint-metrics.ts'
import { formatMetrics, type MetricFamily } from './exposition.ts'
import type { Measurements } from './meter.ts'

/** For everybody: it is what a collector of metrics, with an account of its own, reads. */
const metricsFileMode = 0o644

export type MetricsInput = {
  readonly version: string
  /** Text that was made when the certificates were looked at, so that they fit what was served then. */
  readonly certificates: string
  readonly measured: Measurements
  /** What was seen at monitored endpoints. */
  readonly endpoints?: readonly EndpointRecord[]
  /** Absent where no daemon runs. */
  readonly daemon?: DaemonStatus
}

/** The text format of Prometheus. Pure. */
export function metricsText({
  version,
  certificates,
  measured,
  endpoints = [],
  daemon,
}: MetricsInput): string {
  const rest = formatMetrics([
    ...measuredFamilies(measured),
    ...(daemon === undefined ? [] : daemonFamilies(daemon)),
    {
      name: 'certwright_build_info',
      help: 'The version in its label.',
      type: 'gauge',
      samples: [{ labels: { version }, value: 1 }],
    },
  ])
  return certificates + endpointsText(endpoints) + rest
}

/**
 * Replaces the file at once and as a whole, as the textfile collector of node_exporter wants it.
 * @throws the system's own error
 */
export function writeMetricsFile(
  path: string,
  text: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  return files.replace(path, text, metricsFileMode)
}

function measuredFamilies({ issuance, requests }: Measurements): readonly MetricFamily[] {
  return [
    {
      name: 'certwright_issuance_duration_seconds',
      help: 'From the order to the certificate, for issuances by this process.',
      type: 'histogram',
      samples: [{ value: issuance }],
    },
    {
      name: 'certwright_acme_request_duration_seconds',
      help: 'Requests to a CA by this process; lost are those without an answer.',
      type: 'histogram',
      samples: requests.map(({ authority, outcome, seconds }) => ({
        labels: { authority, outcome },
        value: seconds,
      })),
    },
  ]
}

function daemonFamilies(daemon: DaemonStatus): readonly MetricFamily[] {
  const { since, lastLook, nextLookAt, configuration } = daemon
  const gauge = (name: string, help: string, value: number | undefined): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples: value === undefined ? [] : [{ value }],
  })
  return [
    gauge('certwright_daemon_start_timestamp_seconds', 'When the daemon was started.', since / secondMs),
    gauge(
      'certwright_daemon_last_look_timestamp_seconds',
      'When the daemon last looked at everything.',
      lastLook && lastLook.at / secondMs,
    ),
    gauge(
      'certwright_daemon_last_look_success',
      'Whether it could.',
      lastLook && (lastLook.error === undefined ? 1 : 0),
    ),
    gauge(
      'certwright_daemon_next_look_timestamp_seconds',
      'When it looks again at the latest.',
      nextLookAt && nextLookAt / secondMs,
    ),
    gauge(
      'certwright_configuration_good',
      'Whether the files of the configuration, as they are now, can be used.',
      configuration.error === undefined ? 1 : 0,
    ),
  ]
}
