import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Identifier } from '../../acme/identifier.ts'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { generateKey } from '../../x509/key.ts'
import { signCertificate } from '../../x509/signed-certificate.ts'
import { issuanceProblem } from './lint.ts'
import { createLocalIssuer, newSerialNumber } from './local-issuer.ts'
import { validityAt } from './validity.ts'

const at = instant(Date.UTC(2030, 0, 1))
const identifiers: readonly Identifier[] = [{ type: 'dns', value: 'www.example.com' }]
const publicKey = await generateKey('ecdsa-p256')
const otherKey = await generateKey('ecdsa-p256')
const issuer = await createLocalIssuer({}, { clock: { now: () => at } })
const other = await createLocalIssuer({}, { clock: { now: () => at } })
const request = { publicKey, identifiers, ...validityAt(at, dayMs) }
const signal = new AbortController().signal
const issue = async (change: Partial<typeof request>) => {
  const [chain = []] = await issuer.issue({ ...request, ...change }, { signal })
  return chain.map(parseCertificate)
}
const selfSigned = parseCertificate(
  signCertificate(
    { ...request, serialNumber: newSerialNumber(), issuer: { commonName: 'self' }, ca: {} },
    publicKey,
  ),
)
const good = await issue({})

describe('before it is handed out', async () => {
  for (const [name, chain, problem] of [
    ['a good chain', good, undefined],
    ['no certificate at all', [], /empty/],
    ['another key', await issue({ publicKey: otherKey }), /another key/],
    [
      'another name',
      await issue({ identifiers: [{ type: 'dns', value: 'evil.example' }] }),
      /other identifiers/,
    ],
    [
      'a name more',
      await issue({ identifiers: [...identifiers, { type: 'ip', value: '10.0.0.1' }] }),
      /other/,
    ],
    ['a CA certificate', [selfSigned], /CA certificate/],
    ['a chain in the wrong order', [...good].reverse(), /CA certificate/],
    ['a chain of somebody else', [...good.slice(0, 1), other.intermediate], /issued by|signed by/],
    [
      'one that begins later',
      await issue({ notBefore: plusMs(at, dayMs), notAfter: plusMs(at, 2 * dayMs) }),
      /only from/,
    ],
  ] as const) {
    it(`${name} ${problem === undefined ? 'passes' : 'is refused'}`, () => {
      const found = issuanceProblem(chain, request, { at })
      if (problem === undefined) assert.equal(found, undefined)
      else assert.match(found ?? '', problem)
    })
  }
})
