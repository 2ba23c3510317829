import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { hourMs } from '../../base/instant.ts'
import { fakeClock } from '../../testing/fake-clock.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { checkChain } from '../../x509/chain.ts'
import { samePublicKey } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'
import { createLocalIssuer } from './local-issuer.ts'
import { issueServerCertificate } from './server-certificate.ts'

test('a server certificate has its names, its key, its lifetime, and leads to the root', async () => {
  const clock = fakeClock()
  const issuer = await createLocalIssuer({}, { clock })
  const identifiers = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
  ] as const
  const { certificatePem, keyPem } = await issueServerCertificate(
    issuer,
    { identifiers, lifetimeMs: hourMs },
    { clock },
  )
  const chain = parsePem(certificatePem, 'CERTIFICATE').map(parseCertificate)
  const [leaf] = chain
  assert.ok(leaf !== undefined)
  assert.deepEqual(leaf.identifiers, identifiers)
  assert.ok(samePublicKey(leaf.publicKey, createPrivateKey(keyPem)))
  assert.ok(leaf.notBefore <= clock.now() && leaf.notAfter > clock.now())
  assert.ok(leaf.notAfter - leaf.notBefore < hourMs)
  assert.equal(checkChain(chain, { roots: [issuer.root], at: clock.now() }), undefined)
})
