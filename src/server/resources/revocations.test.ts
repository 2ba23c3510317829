import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  assertProblem,
  baseUrl,
  createWorld,
  names,
  obtain,
  read,
  register,
  sessionFor,
  type World,
} from '../../../test/support/acme-session.ts'
import { parseRenewalInfo } from '../../acme/renewal-info.ts'
import { encodeBase64url } from '../../base/base64url.ts'
import { minuteMs } from '../../base/instant.ts'
import { certificateId } from '../../x509/cert-id.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { generateKey } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'

const url = `${baseUrl}/revoke-cert`

function certificateOf(pem: string) {
  const [der = assert.fail('no certificate')] = parsePem(pem, 'CERTIFICATE')
  return { certificate: encodeBase64url(der), renewalId: certificateId(parseCertificate(der)) }
}

async function renewalInfo(world: World, id: string) {
  return read(await world.server.fetch(new Request(`${baseUrl}/renewal-info/${id}`)))
}

describe('a certificate is revoked by', () => {
  it('the account that ordered it, once; its renewal window has then passed', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { pem } = await obtain(world, session, names('a.example.com'))
    const { certificate, renewalId } = certificateOf(pem)
    const before = await renewalInfo(world, renewalId)
    assert.equal(before.headers.get('retry-after'), String(6 * 60 * 60))
    assert.ok(parseRenewalInfo(before.json).suggestedWindow.start > world.clock.now())

    const answer = await session.post(url, { certificate, reason: 4 })
    assert.deepEqual([answer.status, answer.text], [200, ''])
    assertProblem(await session.post(url, { certificate }), 'alreadyRevoked', 400)
    const now = world.clock.now()
    const window = { start: now - 60 * minuteMs, end: now - 30 * minuteMs }
    world.clock.jump(minuteMs)
    assert.deepEqual(parseRenewalInfo((await renewalInfo(world, renewalId)).json).suggestedWindow, window)
  })

  it('an account that controls all its identifiers now', async () => {
    await using world = await createWorld()
    const owner = await register(world)
    const { pem } = await obtain(world, owner, names('a.example.com', 'b.example.com'))
    const { certificate } = certificateOf(pem)
    const other = await register(world)
    assertProblem(await other.post(url, { certificate }), 'unauthorized', 403)
    await obtain(world, other, names('a.example.com'))
    assertProblem(await other.post(url, { certificate }), 'unauthorized', 403)
    const { order } = await obtain(world, other, names('b.example.com'))
    const [authorization = ''] = order.json['authorizations'] as readonly string[]
    assert.equal((await other.post(url, { certificate })).status, 200)
    assert.equal((await other.post(authorization, '')).json['status'], 'valid')
  })

  it('the account that ordered it, also without an authorization now', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { pem, order } = await obtain(world, session, names('a.example.com'))
    const [authorization = ''] = order.json['authorizations'] as readonly string[]
    await session.post(authorization, { status: 'deactivated' })
    assert.equal((await session.post(url, { certificate: certificateOf(pem).certificate })).status, 200)
  })

  it('nobody by an authorization that was deactivated', async () => {
    await using world = await createWorld()
    const { pem } = await obtain(world, await register(world), names('a.example.com'))
    const { certificate } = certificateOf(pem)
    const other = await register(world)
    const { order } = await obtain(world, other, names('a.example.com'))
    const [authorization = ''] = order.json['authorizations'] as readonly string[]
    await other.post(authorization, { status: 'deactivated' })
    assertProblem(await other.post(url, { certificate }), 'unauthorized', 403)
  })

  it('the holder of its key, and of no other', async () => {
    await using world = await createWorld()
    const session = await register(world)
    const { pem, key } = await obtain(world, session, names('a.example.com'))
    const { certificate } = certificateOf(pem)
    const stranger = sessionFor(world, await generateKey('ecdsa-p256'))
    assertProblem(await stranger.post(url, { certificate, reason: 1 }), 'unauthorized', 403)
    assertProblem(await sessionFor(world, session.key).post(url, { certificate }), 'unauthorized', 403)
    assert.equal((await sessionFor(world, key).post(url, { certificate, reason: 1 })).status, 200)
  })
})

describe('a revocation is refused for', () => {
  for (const [name, type, status, change] of [
    ['no certificate', 'malformed', 400, () => ({})],
    ['a certificate that is not base64url', 'malformed', 400, () => ({ certificate: '!' })],
    ['a certificate that is not ours', 'malformed', 404, () => ({ certificate: 'AAAA' })],
    ['a certificate in PEM', 'malformed', 400, () => ({ certificate: '-----BEGIN CERTIFICATE-----' })],
    ['a reason that is a text', 'malformed', 400, (certificate: string) => ({ certificate, reason: '1' })],
    [
      'a reason that is no integer',
      'malformed',
      400,
      (certificate: string) => ({ certificate, reason: 1.5 }),
    ],
    ['cACompromise', 'badRevocationReason', 400, (certificate: string) => ({ certificate, reason: 2 })],
    ['certificateHold', 'badRevocationReason', 400, (certificate: string) => ({ certificate, reason: 6 })],
    [
      'the reason that does not exist',
      'badRevocationReason',
      400,
      (certificate: string) => ({ certificate, reason: 7 }),
    ],
    ['a negative reason', 'badRevocationReason', 400, (certificate: string) => ({ certificate, reason: -1 })],
  ] as const) {
    it(name, async () => {
      await using world = await createWorld()
      const session = await register(world)
      const { pem } = await obtain(world, session, names('a.example.com'))
      const { certificate } = certificateOf(pem)
      assertProblem(await session.post(url, change(certificate)), type, status)
      assert.equal((await session.post(url, { certificate })).status, 200, 'it must not be revoked yet')
    })
  }
})

it('there is no renewal information for what was not issued here', async () => {
  await using world = await createWorld()
  const { pem } = await obtain(world, await register(world), names('a.example.com'))
  const { renewalId } = certificateOf(pem)
  const [der = assert.fail('no certificate')] = parsePem(pem, 'CERTIFICATE')
  for (const id of ['a.b', `${renewalId}A`, renewalId.split('.')[0] ?? '', parseCertificate(der).fingerprint])
    assertProblem(await renewalInfo(world, id), 'malformed', 404)
})
