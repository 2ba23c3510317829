import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { dayMs, plusMs } from '../base/instant.ts'
import type { AcmeClient } from '../client/client.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { defineCertificate } from './define.ts'
import { createSettler } from './settler.ts'
import { readRenewal } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

test('a CA that does not answer is asked once, and about the others at the next look', async () => {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const now = runtime.clock.now()
  const authority = { id: 'ca', directory: 'https://ca.example/dir' }
  let asked = 0
  const renewalInfo: AcmeClient['renewalInfo'] = async () => {
    asked += 1
    throw new AppError('ERR_NETWORK', 'no answer')
  }
  const warnings: string[] = []
  const settle = createSettler(
    {
      state: '/state',
      clientFor: async () => ({ renewalInfo }) as unknown as AcmeClient, // nothing else of it is used
      onEvent: ({ text }) => warnings.push(text),
    },
    runtime,
  )
  const asking = { silent: new Set<string>(), signal: new AbortController().signal }
  const specs = ['a.example', 'b.example'].map(name => defineCertificate({ identifiers: [name], authority }))
  for (const spec of specs) {
    const certificate = {
      fingerprint: spec.name,
      certificateId: 'a.b',
      authority,
      notBefore: now,
      notAfter: plusMs(now, 90 * dayMs),
    } as unknown as StoredCertificate // all that is looked at
    await settle(spec, certificate, undefined, asking)
  }
  assert.equal(asked, 1)
  assert.equal(warnings.length, 1)
  const [first, second] = await Promise.all(specs.map(({ name }) => readRenewal('/state', name, runtime)))
  assert.ok(first?.checkAgainAt !== undefined && first.checkAgainAt > now)
  assert.equal(second, undefined, 'what was not asked is not written down as asked')
})
