/** What was seen at monitored endpoints, as metrics. Pure. */
import { secondMs } from '../../base/instant.ts'
import type { EndpointRecord } from '../../manage/monitor/endpoint-records.ts'
import { isGoodLook } from '../../manage/observe/judge-look.ts'
import { formatMetrics, type MetricFamily } from './exposition.ts'

/** Monitored endpoints in the text format of metrics; nothing where there are none. */
export function endpointsText(records: readonly EndpointRecord[]): string {
  return records.length === 0 ? '' : formatMetrics(endpointFamilies(records))
}

function endpointFamilies(records: readonly EndpointRecord[]): readonly MetricFamily[] {
  const looks = records.flatMap(({ endpoint, looks: all }) =>
    all.map(look => ({ labels: { endpoint, address: look.where }, ...look })),
  )
  return [
    {
      name: 'certwright_monitored_endpoint_up',
      help: 'Whether a monitored endpoint showed a certificate when it was looked at last.',
      type: 'gauge',
      samples: looks.map(({ labels, fingerprint }) => ({ labels, value: fingerprint === undefined ? 0 : 1 })),
    },
    {
      name: 'certwright_monitored_endpoint_good',
      help: 'Whether nothing was wrong with it: certificate, chain, name and end.',
      type: 'gauge',
      samples: looks.map(({ labels, findings }) => ({ labels, value: isGoodLook(findings) ? 1 : 0 })),
    },
    {
      name: 'certwright_monitored_endpoint_not_after_timestamp_seconds',
      help: 'When the certificate ends that it showed.',
      type: 'gauge',
      samples: looks.flatMap(({ labels, notAfter }) =>
        notAfter === undefined ? [] : [{ labels, value: notAfter / secondMs }],
      ),
    },
    {
      name: 'certwright_monitored_endpoint_last_look_timestamp_seconds',
      help: 'When it was looked at last.',
      type: 'gauge',
      samples: records.map(({ endpoint, at }) => ({ labels: { endpoint }, value: at / secondMs })),
    },
  ]
}
