/** The text format in which Prometheus reads metrics, version 0.0.4. Pure. */
import type { Histogram } from './histogram.ts'

export type Labels = Readonly<Record<string, string>>

/** All series of one name. */
export type MetricFamily = { readonly name: string; readonly help: string } & (
  | {
      readonly type: 'gauge'
      readonly samples: readonly { readonly labels?: Labels; readonly value: number }[]
    }
  | {
      readonly type: 'histogram'
      readonly samples: readonly { readonly labels?: Labels; readonly value: Histogram }[]
    }
)

/** Families with their series, in this order; a family without series is left out. */
export function formatMetrics(families: readonly MetricFamily[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(family => {
      const lines =
        family.type === 'gauge'
          ? family.samples.map(({ labels = {}, value }) => sample(family.name, labels, value))
          : family.samples.flatMap(({ labels = {}, value }) => histogramLines(family.name, labels, value))
      const heading = [
        `# HELP ${family.name} ${escapeHelp(family.help)}`,
        `# TYPE ${family.name} ${family.type}`,
      ]
      return `${[...heading, ...lines].join('\n')}\n`
    })
    .join('')
}

function histogramLines(name: string, labels: Labels, { bounds, counts, sum }: Histogram): readonly string[] {
  let total = 0
  const buckets = counts.map((count, index) => {
    total += count
    const bound = bounds[index] ?? Number.POSITIVE_INFINITY
    return sample(`${name}_bucket`, { ...labels, le: numberText(bound) }, total)
  })
  return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, total)]
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value) // NaN is written so too
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
