import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { dayMs, instant, plusMs, secondMs } from '../../base/instant.ts'
import { defineCertificate } from '../../manage/define.ts'
import type { CertificateView } from '../../manage/observe/observation.ts'
import { attemptsPath } from '../../manage/store/paths.ts'
import type { StoredCertificate } from '../../manage/store/stored-certificate.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import {
  certificateFamilies,
  type SeenCertificate,
  seeCertificates,
  withRefusals,
} from './certificate-metrics.ts'
import { formatMetrics } from './exposition.ts'
import type { Measurements } from './meter.ts'

const start = instant(Date.UTC(2030, 0, 1))
const authority = { id: 'ca', directory: 'https://ca.example/directory' }
const spec = defineCertificate({ identifiers: ['a.example'], authority })
const stored: StoredCertificate = {
  generation: '000001-20300101T000000Z',
  identifiers: spec.identifiers,
  keyType: 'ecdsa-p256',
  authority,
  orderUrl: 'https://ca.example/order/1',
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprint: 'f'.repeat(64),
  notBefore: start,
  notAfter: plusMs(start, 90 * dayMs),
  storedAt: plusMs(start, secondMs),
  files: {},
}
const endpoint = (port: number) => ({
  host: '127.0.0.1',
  port,
  serverName: 'a.example',
  source: 'nginx.conf:1',
})
const view: CertificateView = {
  name: spec.name,
  generations: [stored],
  damaged: [],
  live: stored,
  deployments: [
    {
      target: 'nginx',
      generation: stored.generation,
      at: plusMs(start, 2 * secondMs),
      seenAt: [],
      endpoints: [endpoint(443), endpoint(444), endpoint(445), endpoint(446)],
    },
    {
      target: 'other',
      generation: stored.generation,
      at: plusMs(start, dayMs),
      seenAt: [],
      failure: { code: 'ERR_DEPLOY', message: 'it is broken' },
    },
  ],
  attempts: {},
}
const failed = (code: string, count: number) => ({
  ...{ basis: '', count, since: start, retryAt: start },
  last: { at: start, code, message: '' },
})
const served: Measurements['served'] = ({ port }) =>
  ({
    443: { fingerprint: stored.fingerprint },
    444: { fingerprint: 'e'.repeat(64) },
    445: { fingerprint: undefined },
  })[port]

function linesOf(certificate: Partial<SeenCertificate>): readonly string[] {
  const families = certificateFamilies([{ spec, view, errors: [], ...certificate }], { served })
  return formatMetrics(families)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
}

test('a certificate has its end, its renewal, its last success and what its endpoints served', () => {
  const seconds = start / secondMs
  assert.deepEqual(linesOf({}), [
    `certwright_certificate_not_after_timestamp_seconds{name="a.example"} ${seconds + (90 * dayMs) / secondMs}`,
    `certwright_certificate_renewal_timestamp_seconds{name="a.example"} ${seconds + (60 * dayMs) / secondMs}`,
    `certwright_certificate_last_success_timestamp_seconds{name="a.example"} ${seconds + 2}`,
    'certwright_endpoint_served{name="a.example",endpoint="a.example at 127.0.0.1:443"} 1',
    'certwright_endpoint_served{name="a.example",endpoint="a.example at 127.0.0.1:444"} 0',
    'certwright_endpoint_served{name="a.example",endpoint="a.example at 127.0.0.1:445"} 0',
  ])
})

for (const { name, certificate, errors } of [
  { name: 'none', certificate: {}, errors: [] },
  {
    name: 'an issuance that failed three times',
    certificate: { view: { ...view, attempts: { issuance: failed('ERR_AUTHORIZATION', 3) } } },
    errors: ['code="ERR_AUTHORIZATION"} 3'],
  },
  {
    name: 'issuance and delivery for the same reason: one series',
    certificate: {
      view: { ...view, attempts: { issuance: failed('ERR_EXEC', 2), delivery: failed('ERR_EXEC', 5) } },
    },
    errors: ['code="ERR_EXEC"} 5'],
  },
  {
    name: 'a store that cannot be read',
    certificate: { view: undefined, errors: [{ code: 'ERR_STORE' }] },
    errors: ['code="ERR_STORE"} 1'],
  },
]) {
  test(`errors in metrics: ${name}`, () => {
    const found = linesOf(certificate).filter(line => line.startsWith('certwright_last_error'))
    assert.deepEqual(
      found,
      errors.map(text => `certwright_last_error{name="a.example",${text}`),
    )
  })
}

test('a certificate that was never obtained has no series, and one that cannot be read stops no other', async () => {
  const runtime = fakeRuntime()
  const other = defineCertificate({ identifiers: ['b.example'], authority })
  runtime.files.setFaults(({ path }) =>
    path === attemptsPath('/state', spec.name) ? { code: 'EIO' } : undefined,
  )
  const seen = await seeCertificates('/state', [spec, other], runtime)
  assert.deepEqual(
    seen.map(one => one.errors.map(({ code }) => code)),
    [['ERR_STORE'], []],
  )
  const text = formatMetrics(certificateFamilies(seen, { served }))
  assert.deepEqual(text.match(/^certwright.*$/gm), [
    'certwright_last_error{name="a.example",code="ERR_STORE"} 1',
  ])
})

test('what was refused is an error that is in no store', () => {
  const certificates = [{ spec, view, errors: [] }]
  const error = new AppError('ERR_GUARD', 'too many')
  const result = { spec, targets: [], error }
  const codes = (outcome: 'refused' | 'failed') =>
    withRefusals(certificates, [{ ...result, outcome }]).flatMap(one => one.errors.map(({ code }) => code))
  assert.deepEqual(codes('refused'), ['ERR_GUARD'])
  assert.deepEqual(codes('failed'), [])
})
