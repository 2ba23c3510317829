import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { hourMs, instant, parseInstant, plusMs } from '../base/instant.ts'
import { adviceHistory, historyOf } from './apply-history.ts'
import type { ApplyResult } from './apply-result.ts'
import type { TargetResult } from './execute/deploy.ts'
import type { Action } from './plan/action.ts'
import type { CertificateSpec } from './spec.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

// Only these members are read.
const spec = {} as CertificateSpec
const certificate = {
  identifiers: [{ type: 'dns', value: 'shop.example' }],
  authority: { id: 'letsencrypt', directory: 'https://ca.test/' },
  generation: '000001-x',
  fingerprint: 'aa',
  notAfter: parseInstant('2031-01-01T00:00:00Z'),
  storedAt: parseInstant('2030-10-01T00:00:00Z'),
} as unknown as StoredCertificate
const action = (kind: 'issue' | 'deploy' | 'none') =>
  ({ kind, spec, reason: { code: 'forced', text: '' } }) as unknown as Action
const endpoint = { host: '127.0.0.1', port: 443, serverName: 'shop.example', source: 'x:1' }
const nginx: TargetResult = { target: 'nginx', endpoints: [{ endpoint, fingerprint: 'aa' }], notes: [] }
const error = new AppError('ERR_DEPLOY', 'nginx was not reloaded', { hint: 'see its log' })
const base = { spec, targets: [] as readonly TargetResult[] }
const facts = { authority: 'letsencrypt', generation: '000001-x', fingerprint: 'aa' }
const issued = {
  kind: 'issued',
  at: certificate.storedAt,
  text: 'issued by letsencrypt for shop.example, until 2031-01-01T00:00:00Z',
  ...facts,
}
const failed = { kind: 'failed', code: 'ERR_DEPLOY', text: 'nginx was not reloaded', hint: 'see its log' }
const delivered = {
  kind: 'deployed',
  text: 'delivered to nginx, seen at shop.example at 127.0.0.1:443',
  ...facts,
}

const cases: readonly { name: string; result: ApplyResult; expected: readonly object[] }[] = [
  {
    name: 'an issuance with its delivery is two entries',
    result: { ...base, action: action('issue'), outcome: 'issued', certificate, targets: [nginx] },
    expected: [issued, delivered],
  },
  {
    name: 'an issuance without targets is one',
    result: { ...base, action: action('issue'), outcome: 'issued', certificate },
    expected: [issued],
  },
  {
    name: 'a delivery alone is one',
    result: { ...base, action: action('deploy'), outcome: 'deployed', certificate, targets: [nginx] },
    expected: [delivered],
  },
  {
    name: 'what was issued and not delivered has happened too',
    result: { ...base, action: action('issue'), outcome: 'failed', certificate, targets: [nginx], error },
    expected: [issued, { ...failed, ...facts }],
  },
  {
    name: 'a failed issuance is the failure in its own words',
    result: { ...base, action: action('issue'), outcome: 'failed', error },
    expected: [failed],
  },
  {
    name: 'a refusal is called one',
    result: { ...base, action: action('issue'), outcome: 'refused', error },
    expected: [{ ...failed, kind: 'refused' }],
  },
  {
    name: 'nothing to do is nothing to tell',
    result: { ...base, action: action('none'), outcome: 'unchanged', certificate },
    expected: [],
  },
]
for (const { name, result, expected } of cases) {
  test(name, () => assert.deepEqual(historyOf(result), expected))
}

const start = instant(1_900_000_000_000)
const window = { start, end: plusMs(start, hourMs), selectedAt: plusMs(start, 5_000) }

test('a first window, and another one, are told; the same one and none are not', () => {
  const [entry] = adviceHistory(undefined, window)
  assert.equal(entry?.kind, 'advice')
  assert.match(
    entry.text,
    /between 2030-03-17T17:46:40Z and 2030-03-17T18:46:40Z; chosen was 2030-03-17T17:46:45Z/,
  )
  assert.equal(adviceHistory(window, { ...window, end: plusMs(start, 2 * hourMs) }).length, 1)
  assert.deepEqual(adviceHistory(window, { ...window, selectedAt: start }), [])
  assert.deepEqual(adviceHistory(window, undefined), [])
})

test('where the CA says why, that is told', () => {
  const [entry] = adviceHistory(undefined, { ...window, explanationUrl: 'https://ca.test/why' })
  assert.match(entry?.text ?? '', /reason at https:\/\/ca\.test\/why/)
})
