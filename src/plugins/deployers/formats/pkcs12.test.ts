import assert from 'node:assert/strict'
import { createPrivateKey, webcrypto } from 'node:crypto'
import { test } from 'node:test'
import * as pkijs from 'pkijs'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePkcs12, type Pkcs12Content } from './pkcs12.ts'

pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never })) // Node's own, which TypeScript types apart

const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const issued = await authority.issue([parseIdentifier('a.example')])
const content: Pkcs12Content = {
  keyDer: createPrivateKey(issued.key).export({ type: 'pkcs8', format: 'der' }),
  chain: [issued.leafDer, issued.intermediateDer],
  alias: 'a.example',
  password: 'geheim',
}

/** What a reader that knows nothing of our writer finds. */
async function read(bytes: Uint8Array, password: string) {
  const pfx = pkijs.PFX.fromBER(new Uint8Array(bytes).buffer)
  const secret = new TextEncoder().encode(password).buffer
  await pfx.parseInternalValues({ password: secret, checkIntegrity: true })
  const safe = pfx.parsedValue?.authenticatedSafe
  assert.ok(safe)
  await safe.parseInternalValues({ safeContents: [{ password: secret }, {}] })
  const contents = safe.parsedValue.safeContents.map((part: { value: pkijs.SafeContents }) => part.value)
  const bags: readonly pkijs.SafeBag[] = contents.flatMap((part: pkijs.SafeContents) => part.safeBags)
  const certificates: Uint8Array[] = []
  const keys: Uint8Array[] = []
  for (const { bagValue } of bags) {
    if (bagValue instanceof pkijs.CertBag && bagValue.parsedValue instanceof pkijs.Certificate)
      certificates.push(new Uint8Array(bagValue.parsedValue.toSchema().toBER()))
    else if (bagValue instanceof pkijs.PKCS8ShroudedKeyBag) {
      await Reflect.get(bagValue, 'parseInternalValues').call(bagValue, { password: secret })
      assert.ok(bagValue.parsedValue)
      keys.push(new Uint8Array(bagValue.parsedValue.toSchema().toBER()))
    }
  }
  return { certificates, keys }
}

test('another implementation finds the key and the certificates, leaf first', async () => {
  const { certificates, keys } = await read(encodePkcs12(content), 'geheim')
  assert.deepEqual(certificates, content.chain)
  assert.equal(keys.length, 1)
  const key = createPrivateKey({ key: Buffer.from(keys[0] ?? []), format: 'der', type: 'pkcs8' })
  assert.ok(key.equals(createPrivateKey(issued.key)))
})

test('the wrong password opens nothing', async () => {
  await assert.rejects(read(encodePkcs12(content), 'Geheim'))
})

test('a password may have any characters', async () => {
  const password = 'pässwörd €'
  const { certificates } = await read(encodePkcs12({ ...content, password }), password)
  assert.equal(certificates.length, 2)
})

test('equal contents make equal files, and any difference makes other salts', () => {
  const salt = (changed: Partial<Pkcs12Content>) =>
    Buffer.from(
      pkijs.PFX.fromBER(new Uint8Array(encodePkcs12({ ...content, ...changed })).buffer).macData?.macSalt
        .valueBlock.valueHexView ?? [],
    ).toString('hex')
  assert.deepEqual(encodePkcs12(content), encodePkcs12(content))
  const salts = [salt({}), salt({ alias: 'b' }), salt({ password: 'x' }), salt({ chain: [issued.leafDer] })]
  assert.equal(new Set(salts).size, salts.length)
  assert.equal(salts[0]?.length, 40)
})
