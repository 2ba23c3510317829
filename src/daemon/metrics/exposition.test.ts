import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatMetrics } from './exposition.ts'
import { emptyHistogram, observe } from './histogram.ts'

test('a gauge has a line for each of its series, a family without any has none at all', () => {
  const text = formatMetrics([
    {
      name: 'up',
      help: 'Whether it is up.',
      type: 'gauge',
      samples: [{ value: 1 }, { labels: { name: 'a', code: 'ERR_X' }, value: 0.25 }],
    },
    { name: 'absent', help: 'Nothing.', type: 'gauge', samples: [] },
  ])
  assert.equal(text, '# HELP up Whether it is up.\n# TYPE up gauge\nup 1\nup{name="a",code="ERR_X"} 0.25\n')
})

test('a histogram counts upwards and has a sum', () => {
  const histogram = [0.05, 0.1, 0.2, 7].reduce(observe, emptyHistogram([0.1, 1]))
  const samples = [{ labels: { authority: 'ca' }, value: histogram }]
  assert.equal(
    formatMetrics([{ name: 't', help: 'Time.', type: 'histogram', samples }]),
    `# HELP t Time.
# TYPE t histogram
t_bucket{authority="ca",le="0.1"} 2
t_bucket{authority="ca",le="1"} 3
t_bucket{authority="ca",le="+Inf"} 4
t_sum{authority="ca"} 7.35
t_count{authority="ca"} 4
`,
  )
})

for (const { value, text } of [
  { value: 1_795_246_069.827, text: '1795246069.827' },
  { value: Number.POSITIVE_INFINITY, text: '+Inf' },
  { value: Number.NEGATIVE_INFINITY, text: '-Inf' },
  { value: Number.NaN, text: 'NaN' },
  { value: 1e21, text: '1e+21' },
]) {
  test(`the number ${value} is written ${text}`, () => {
    const family = { name: 'n', help: '', type: 'gauge', samples: [{ value }] } as const
    assert.match(formatMetrics([family]), new RegExp(`\\nn ${text.replace('+', '[+]')}\\n$`))
  })
}

test('whatever is in a label or a help, it stays in its line and can be read back', () => {
  const awkward = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '}', ',', 'ü', 'n') })
  fc.assert(
    fc.property(awkward, awkward, (label, help) => {
      const samples = [{ labels: { label }, value: 1 }]
      const lines = formatMetrics([{ name: 'n', help, type: 'gauge', samples }]).split('\n')
      assert.equal(lines.length, 4)
      const [, escaped = ''] = /^n\{label="((?:[^"\\]|\\[\\"n])*)"\} 1$/.exec(lines[2] ?? '') ?? []
      assert.equal(unescape(escaped), label)
      assert.equal(unescape((lines[0] ?? '').slice('# HELP n '.length)), help)
    }),
  )
})

/** As the format says. */
function unescape(text: string): string {
  return text.replaceAll(/\\([\\"n])/g, (_, what: string) => (what === 'n' ? '\n' : what))
}
