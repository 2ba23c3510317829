import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { generateKey } from './key.ts'
import { judgeSentChain, type SentChain } from './sent-chain.ts'
import { type CertificateTemplate, signCertificate } from './signed-certificate.ts'

const at = instant(Date.UTC(2026, 10, 20))
const validity = { notBefore: plusMs(at, -10 * dayMs), notAfter: plusMs(at, 10 * dayMs) }

type Member = { readonly certificate: Certificate; readonly key: KeyObject }

describe('what was sent of a chain', () => {
  const members = new Map<string, Certificate>()
  const make = async (
    name: string,
    by: Member | undefined,
    wish: Partial<CertificateTemplate> = {},
  ): Promise<Member> => {
    const key = await generateKey('ecdsa-p256')
    const template = {
      ...{ serialNumber: Uint8Array.of(1), subjectCommonName: name, publicKey: key, ...validity },
      ...(name === 'Leaf' ? {} : { ca: {} }),
    }
    const issuer = by?.certificate ?? { commonName: name }
    const certificate = parseCertificate(signCertificate({ ...template, issuer, ...wish }, by?.key ?? key))
    members.set(name, certificate)
    return { certificate, key }
  }
  before(async () => {
    const root = await make('Root', undefined)
    const middle = await make('Middle', root)
    const low = await make('Low', middle)
    await make('Leaf', low)
    await make('Other', undefined)
    await make('Ended', low, { notAfter: plusMs(at, -dayMs) })
    await make('Alone', undefined)
    const worn = await make('Worn', root, { notAfter: plusMs(at, -dayMs) })
    await make('By worn', worn)
  })
  const named = (names: string) => names.split(', ').flatMap(name => members.get(name) ?? [])

  const cases: readonly {
    readonly sent: string
    readonly roots?: string
    readonly expected?: string
    readonly state: SentChain['state']
    readonly remarks?: readonly RegExp[]
  }[] = [
    { sent: 'Leaf, Low, Middle', state: 'complete' },
    { sent: 'Leaf, Low', roots: 'Middle', state: 'complete' },
    { sent: 'Leaf, Low, Middle, Root', state: 'complete', remarks: [/"CN=Root" is a root.*nobody needs/] },
    { sent: 'Leaf, Middle, Low', state: 'complete', remarks: [/out of order/] },
    {
      sent: 'Leaf, Low, Other, Middle',
      state: 'complete',
      remarks: [/"CN=Other" was sent and leads nowhere/],
    },
    { sent: 'Leaf, Leaf, Low, Middle', state: 'complete', remarks: [/"CN=Leaf" was sent twice/] },
    { sent: 'Leaf', state: 'incomplete', remarks: [/certificate of "CN=Low" was not sent/] },
    { sent: 'Leaf, Low', state: 'incomplete', remarks: [/certificate of "CN=Middle" was not sent/] },
    {
      sent: 'Leaf, Middle',
      state: 'incomplete',
      remarks: [/"CN=Low" was not sent/, /"CN=Middle" .* leads nowhere/],
    },
    { sent: 'Leaf, Low, Middle', roots: 'Other', state: 'incomplete', remarks: [/"CN=Root" was not sent/] },
    { sent: 'Leaf, Low, Middle, Root', roots: 'Other', state: 'untrusted', remarks: [/ends at "CN=Root"/] },
    { sent: 'Alone', state: 'untrusted', remarks: [/self-signed/] },
    // What nobody here trusts is whole when all of it is there that the CA gave.
    { sent: 'Leaf, Low, Middle', roots: 'Other', expected: 'Leaf, Low, Middle', state: 'complete' },
    {
      sent: 'Leaf',
      roots: 'Other',
      expected: 'Leaf, Low',
      state: 'incomplete',
      remarks: [/"CN=Low" was not sent/],
    },
    // What belongs to another leaf is not missed.
    {
      sent: 'Alone',
      expected: 'Leaf, Low',
      state: 'untrusted',
      remarks: [/^the certificate is self-signed$/],
    },
    // The leaf's own end is another matter.
    { sent: 'Ended, Low, Middle', state: 'complete' },
    { sent: 'By worn, Worn', state: 'broken', remarks: [/"CN=Worn" was valid until/] },
  ]
  for (const { sent, roots = 'Root', expected, state, remarks = [] } of cases) {
    const given = `${sent} with the root ${roots}${expected === undefined ? '' : `, ${expected} expected`}`
    it(`${given}: ${state}`, () => {
      const judged = judgeSentChain(named(sent), {
        roots: named(roots),
        at,
        ...(expected !== undefined && { expected: named(expected) }),
      })
      assert.equal(judged.state, state, judged.remarks.join('; '))
      assert.equal(judged.remarks.length, remarks.length, judged.remarks.join('; '))
      for (const [index, pattern] of remarks.entries()) assert.match(judged.remarks[index] ?? '', pattern)
    })
  }

  it('of nothing is broken', () => {
    assert.equal(judgeSentChain([], { roots: [], at }).state, 'broken')
  })
})
