import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicJwk } from '../jose/jwk.ts'
import { textReply } from '../testing/fake-network.ts'
import { problemReply, replyLost } from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'
import { createSigner, generateKey } from '../x509/key.ts'

const der = Uint8Array.of(1, 2, 3)
const done = textReply(200, '')

test('an account revokes with its URL', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/revoke-cert', done)
  await client.revokeCertificate({ account }, der, 'superseded', { signal })
  const { header, payload } = ca.received.at(-1) ?? assert.fail()
  assert.equal(header?.kid, account.url)
  assert.deepEqual(payload, { certificate: 'AQID', reason: 4 })
})

test('the key of the certificate revokes with itself', async () => {
  const { ca, client, signal } = scriptedClient()
  ca.on('/revoke-cert', done)
  const certificateSigner = createSigner(await generateKey('ecdsa-p384'))
  await client.revokeCertificate({ certificateSigner }, der, 'key-compromise', { signal })
  const { header, payload } = ca.received.at(-1) ?? assert.fail()
  assert.equal(header?.kid, undefined)
  assert.deepEqual(header?.jwk, publicJwk(certificateSigner.publicKey))
  assert.deepEqual(payload, { certificate: 'AQID', reason: 1 })
})

const alreadyRevoked = problemReply(400, 'alreadyRevoked')
const outcomes = [
  { name: 'revoked already', answers: [alreadyRevoked] },
  { name: 'lost after its effect', answers: [replyLost, alreadyRevoked] },
  { name: 'lost before its effect', answers: [replyLost, done] },
  { name: 'lost by a gateway', answers: [textReply(502, ''), alreadyRevoked] },
]
for (const { name, answers } of outcomes) {
  test(`a revocation that is ${name} is done`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/revoke-cert', ...answers)
    await client.revokeCertificate({ account }, der, 'unspecified', { signal })
    assert.equal(ca.trace().length, answers.length)
  })
}

test('four lost replies leave it undecided', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/revoke-cert', replyLost, replyLost, replyLost, replyLost)
  await assert.rejects(client.revokeCertificate({ account }, der, 'unspecified', { signal }), {
    code: 'ERR_REPLY_LOST',
    message: /ca\.example was asked to revoke the certificate/,
  })
})

test('a refusal is thrown', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/revoke-cert', problemReply(400, 'badRevocationReason'))
  await assert.rejects(client.revokeCertificate({ account }, der, 'superseded', { signal }), {
    code: 'ERR_ACME_PROBLEM',
  })
})
