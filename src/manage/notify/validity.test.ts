import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defaultSpecName } from '../spec.ts'
import { type NewCertificate, saveGeneration, switchLive } from '../store/generations.ts'
import type { RunResult } from './decide.ts'
import { validityAfter } from './validity.ts'

const state = '/state'
const identifiers = [{ type: 'dns', value: 'a.example' }] as const
const spec = { name: defaultSpecName(identifiers[0]), identifiers }
const notBefore = instant(Date.UTC(2030, 0, 1))
const ends = (days: number) => plusMs(notBefore, days * dayMs)

function certificate(days: number): NewCertificate {
  return {
    identifiers,
    keyType: 'ecdsa-p256',
    authority: { id: 'ca', directory: 'https://ca.example/directory' },
    orderUrl: 'https://ca.example/order/1',
    issuer: 'CN=CA',
    serialNumber: '01',
    fingerprint: `${days}`.padStart(64, '0'),
    notBefore,
    notAfter: ends(days),
    chain: [Uint8Array.of(1), Uint8Array.of(2)],
    privateKeyPem: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n',
  }
}

/** A store in which the new certificate, of 90 days, was put back in favour of the earlier one, of 60. */
async function afterFailedDelivery() {
  const runtime = fakeRuntime()
  const earlier = await saveGeneration(state, spec.name, certificate(60), runtime)
  await saveGeneration(state, spec.name, certificate(90), runtime)
  await switchLive(state, spec.name, earlier.generation, runtime)
  return runtime
}

const error = new AppError('ERR_NOT_SERVED', 'no')
const fresh = { notBefore, notAfter: ends(90) }
const cases: readonly { readonly result: Omit<RunResult, 'spec' | 'targets'>; readonly days: number }[] = [
  { result: { outcome: 'failed', error, certificate: fresh }, days: 60 },
  { result: { outcome: 'waiting' }, days: 60 },
  { result: { outcome: 'issued', certificate: fresh }, days: 90 },
]
for (const { result, days } of cases) {
  test(`where it ${result.outcome}, servers have the certificate of ${days} days`, async () => {
    const found = await validityAfter(state, [{ spec, targets: [], ...result }], await afterFailedDelivery())
    assert.equal(found.get(spec.name)?.notAfter, ends(days))
  })
}

test('where nothing can be read, nothing is known', async () => {
  const runtime = await afterFailedDelivery()
  Object.assign(runtime.files, {
    list: async () => {
      throw Object.assign(new Error('EIO: broken'), { code: 'EIO' })
    },
  })
  const results: readonly RunResult[] = [{ spec, targets: [], outcome: 'failed', error }]
  assert.equal((await validityAfter(state, results, runtime)).size, 0)
})
