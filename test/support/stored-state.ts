/** A state directory with certificates in it, as an issuance leaves it. */
import { createHash } from 'node:crypto'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { dayMs, type Instant, plusMs } from '../../src/base/instant.ts'
import { parseSpecName } from '../../src/manage/spec.ts'
import { saveGeneration, switchLive } from '../../src/manage/store/generations.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { testAuthority } from '../../src/testing/test-authority.ts'

const validityMs = 90 * dayMs

/** Stores one certificate for each of the names, good for 90 days from `now`, and makes it the live one. */
export async function storeCertificates(
  state: string,
  names: readonly string[],
  now: Instant,
): Promise<void> {
  const runtime = nodeRuntime()
  const authority = await testAuthority(now)
  const validity = { notBefore: now, notAfter: plusMs(now, validityMs) }
  for (const text of names) {
    const identifiers = [parseIdentifier(text)]
    const name = parseSpecName(text)
    if (name === undefined) throw new Error(`${text} cannot be the name of a certificate`)
    const { key, leafDer, intermediateDer } = await authority.issue(identifiers, validity)
    const { generation } = await saveGeneration(
      state,
      name,
      {
        identifiers,
        keyType: 'ecdsa-p256',
        authority: { id: 'test', directory: 'https://ca.test/directory' },
        orderUrl: 'https://ca.test/order/1',
        issuer: 'CN=Test Intermediate',
        serialNumber: '01',
        fingerprint: createHash('sha256').update(leafDer).digest('hex'),
        ...validity,
        chain: [leafDer, intermediateDer],
        privateKeyPem: key,
      },
      runtime,
    )
    await switchLive(state, name, generation, runtime)
  }
}
