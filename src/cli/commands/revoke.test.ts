import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext, paths } from '../../../test/support/fake-context.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import { dayMs, plusMs } from '../../base/instant.ts'
import { resolveAuthority } from '../../manage/authorities.ts'
import { defaultSpecName } from '../../manage/spec.ts'
import { saveGeneration } from '../../manage/store/generations.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { fakeTryLock } from '../../testing/fake-lock.ts'
import { textReply } from '../../testing/fake-network.ts'
import { scriptedCa } from '../../testing/scripted-ca.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { parsePem } from '../../x509/pem.ts'
import { revoke } from './revoke.ts'

const identifier = parseIdentifier('a.example')
const name = defaultSpecName(identifier)
const root = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
const flags = { args: ['a.example'], reason: 'unspecified' } as const

/** Stores a certificate of the scripted CA. */
async function store(runtime: Pick<Runtime, 'files' | 'clock'>) {
  const now = runtime.clock.now()
  const { cert, key } = await (await testAuthority(now)).issue([identifier])
  const authority = resolveAuthority(scriptedCa().directory)
  assert.ok('id' in authority)
  return await saveGeneration(
    paths.state,
    name,
    {
      identifiers: [identifier],
      keyType: 'ecdsa-p256',
      authority,
      orderUrl: 'https://ca.example/order/1',
      issuer: 'CN=Test Intermediate',
      serialNumber: '01',
      fingerprint: 'ab'.repeat(32),
      notBefore: now,
      notAfter: plusMs(now, 90 * dayMs),
      chain: parsePem(cert, 'CERTIFICATE'),
      privateKeyPem: key,
    },
    runtime,
  )
}

for (const { where, config } of [
  {
    where: 'of the whole configuration',
    config: `authority: { directory: "${scriptedCa().directory}", trust: /ca.pem }
certificates: { a.example: { authority: letsencrypt } }`,
  },
  {
    where: 'with a name',
    config: `authorities: { internal: { directory: "${scriptedCa().directory}", trust: /ca.pem } }
certificates: { a.example: { authority: letsencrypt } }`,
  },
  {
    where: 'of another certificate',
    config: `certificates:
  a.example: { authority: letsencrypt }
  b.example: { authority: { directory: "${scriptedCa().directory}", trust: /ca.pem } }`,
  },
]) {
  test(`a certificate of an earlier CA is revoked with the trust that is configured for it: that ${where}`, async () => {
    const ca = scriptedCa().on('/revoke-cert', textReply(200, ''))
    const { context, runtime } = await fakeContext(config, { runtime: { http: ca.http } })
    await runtime.files.put('/ca.pem', root)
    await store(runtime)
    await revoke(context, { ...flags, yes: true })
    assert.deepEqual([...new Set(ca.received.map(({ request }) => request.trustPem))], [root])
  })
}

test('nobody waits for a person who thinks: the question comes before the lock', async () => {
  const tryLock = fakeTryLock()
  const { context, runtime } = await fakeContext('', { runtime: { tryLock } })
  await store(runtime)
  await using _held = await tryLock(`${paths.state}/locks/certificate-${name}.lock`, 'renew it').then(
    lock => {
      assert.ok(!('holder' in lock))
      return lock
    },
  )
  await assert.rejects(revoke(context, flags), { code: 'ERR_USAGE', message: /needs a confirmation/ })
})

test('another certificate than the one that was asked about is not revoked', async () => {
  const ca = scriptedCa()
  const tryLock = fakeTryLock()
  const { context, runtime } = await fakeContext('', {
    runtime: {
      http: ca.http,
      tryLock: async (path, about) => {
        await store(runtime) // a renewal that was faster
        return tryLock(path, about)
      },
    },
  })
  await store(runtime)
  await assert.rejects(revoke(context, { ...flags, yes: true }), {
    code: 'ERR_LOCKED',
    message: /a\.example was renewed .*nothing was revoked/,
  })
  assert.deepEqual(ca.received, [])
})
