import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUrl } from '../acme/wire.ts'
import { textReply } from '../testing/fake-network.ts'
import { scriptedOrigin } from '../testing/scripted-ca.ts'
import { scriptedClient } from '../testing/scripted-client.ts'
import { encodePem } from '../x509/pem.ts'

const url = parseUrl(`${scriptedOrigin}/certificate/1`)
const one = Uint8Array.of(0x30, 0x01)
const two = Uint8Array.of(0x30, 0x02)
const chain = encodePem('CERTIFICATE', one) + encodePem('CERTIFICATE', two)
const type = { 'content-type': 'application/pem-certificate-chain' }

test('a chain is DER, leaf first, and its alternates are URLs', async () => {
  const { ca, client, account, signal } = scriptedClient()
  const link =
    '<https://ca.example/directory>;rel="index", </certificate/1/2>;rel="alternate", </certificate/1/2>;rel=alternate'
  ca.on(
    '/certificate/1',
    textReply(200, chain, { 'content-type': `${type['content-type']}; charset=utf-8`, link }),
  )
  const reply = await client.certificate(account, url, { signal })
  assert.deepEqual(reply, { chain: [one, two], alternates: [`${scriptedOrigin}/certificate/1/2`] })
  assert.match(ca.received.at(-1)?.request.headers?.['accept'] ?? '', /^application\/pem-certificate-chain/)
})

test('a malformed Link field means no alternates', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/certificate/1', textReply(200, chain, { ...type, link: '</2>;rel="alternate' }))
  assert.deepEqual((await client.certificate(account, url, { signal })).alternates, [])
})

const invalid = [
  { name: 'another content type', reply: textReply(200, chain, { 'content-type': 'application/pkix-cert' }) },
  { name: 'no content type', reply: textReply(200, chain) },
  { name: 'nothing in it', reply: textReply(200, '', type) },
  { name: 'a private key', reply: textReply(200, chain + encodePem('PRIVATE KEY', one), type) },
  { name: 'text around it', reply: textReply(200, `hello\n${chain}`, type) },
  { name: 'eleven certificates', reply: textReply(200, encodePem('CERTIFICATE', one).repeat(11), type) },
  {
    name: 'a foreign alternate',
    reply: textReply(200, chain, { ...type, link: '<https://other.example/2>;rel=alternate' }),
  },
]
for (const { name, reply } of invalid) {
  test(`a chain with ${name} is an invalid reply`, async () => {
    const { ca, client, account, signal } = scriptedClient()
    ca.on('/certificate/1', reply)
    await assert.rejects(client.certificate(account, url, { signal }), {
      code: 'ERR_REPLY_INVALID',
      message: /ca\.example was asked to send the certificate/,
    })
  })
}

test('more than 128 KiB is too large', async () => {
  const { ca, client, account, signal } = scriptedClient()
  ca.on('/certificate/1', textReply(200, 'x'.repeat(128 * 1024 + 1), type))
  await assert.rejects(client.certificate(account, url, { signal }), { code: 'ERR_REPLY_TOO_LARGE' })
})
