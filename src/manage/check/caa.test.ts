import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CaaRecord } from '../../runtime/dns.ts'
import { type CaaRequest, judgeCaa, parseIssue } from './caa.ts'

const account = 'https://ca.test/acct/1'
const request: CaaRequest = {
  identities: ['ca.test', 'ca.example'],
  accountUrl: account,
  method: 'http-01',
  wildcard: false,
}
const noAccount: CaaRequest = { identities: request.identities, method: 'http-01', wildcard: false }
const wildcard: CaaRequest = { ...request, method: 'dns-01', wildcard: true }
const record = (text: string): CaaRecord => {
  const [, flags = '', tag = '', value = ''] = /^(\d+) (\w+) "(.*)"$/.exec(text) ?? assert.fail(text)
  return { flags: Number(flags), tag, value }
}

const cases: readonly {
  readonly records: readonly string[]
  readonly request?: CaaRequest
  readonly expected: 'unrestricted' | 'permitted' | 'forbidden' | 'unknown'
  readonly why?: RegExp
}[] = [
  { records: [], expected: 'unrestricted' },
  { records: ['0 iodef "mailto:admin@a.test"'], expected: 'unrestricted' },
  { records: ['0 issue "ca.test"'], expected: 'permitted' },
  { records: ['0 issue "CA.Test"'], expected: 'permitted' },
  { records: ['128 issue "ca.test"'], expected: 'permitted' },
  { records: ['0 issue "other.test"', '0 issue " ca.example "'], expected: 'permitted' },
  {
    records: ['0 issue "other.test"'],
    expected: 'forbidden',
    why: /only this is allowed: issue "other\.test"/,
  },
  { records: ['0 issue "evil-ca.test"'], expected: 'forbidden' },
  { records: ['0 issue ";"'], expected: 'forbidden' },
  { records: ['0 issue "%%%%%"'], expected: 'forbidden' },
  { records: ['0 issue "ca.test policy=ev"'], expected: 'forbidden' },
  { records: ['0 novelty "x"', '0 issue "ca.test"'], expected: 'permitted' },
  {
    records: ['128 novelty "x"', '0 issue "ca.test"'],
    expected: 'forbidden',
    why: /"novelty" is marked as critical/,
  },
  { records: ['1 novelty "x"', '0 issue "ca.test"'], expected: 'permitted' },
  // Wildcards (RFC 8659 §4.3).
  { records: ['0 issuewild ";"'], expected: 'unrestricted' },
  { records: ['0 issuewild ";"'], request: wildcard, expected: 'forbidden' },
  { records: ['0 issue ";"', '0 issuewild "ca.test"'], request: wildcard, expected: 'permitted' },
  { records: ['0 issue "ca.test"'], request: wildcard, expected: 'permitted' },
  { records: ['0 issue "other.test"'], request: wildcard, expected: 'forbidden' },
  // RFC 8657.
  { records: [`0 issue "ca.test; accounturi=${account}"`], expected: 'permitted' },
  { records: [`0 issue "ca.test; accounturi=${account}0"`], expected: 'forbidden', why: /and ours is/ },
  { records: [`0 issue "ca.test; accounturi=${account}"`], request: noAccount, expected: 'unknown' },
  {
    records: [`0 issue "ca.test; accounturi=${account}; accounturi=${account}"`],
    expected: 'forbidden',
    why: /twice/,
  },
  { records: ['0 issue "ca.test; validationmethods=dns-01,http-01"'], expected: 'permitted' },
  {
    records: ['0 issue "ca.test;validationmethods=dns-01"'],
    expected: 'forbidden',
    why: /http-01 is configured/,
  },
  {
    records: ['0 issue "ca.test; validationmethods=dns-01"', '0 issue "ca.test; validationmethods=http-01"'],
    expected: 'permitted',
  },
  { records: ['0 issue "ca.test; future=x"'], expected: 'permitted' },
  // A CA without a name of its own.
  { records: ['0 issue "ca.test"'], request: { ...request, identities: [] }, expected: 'unknown' },
  { records: [], request: { ...request, identities: [] }, expected: 'unrestricted' },
]
describe('a CA', () => {
  for (const { records, request: given = request, expected, why = /./ } of cases) {
    const who = given === request ? '' : `, asked by ${JSON.stringify(given)}`
    it(`is ${expected} with ${records.join(' and ') || 'no records'}${who}`, () => {
      const verdict = judgeCaa(records.map(record), given)
      assert.equal(verdict.kind, expected)
      if ('why' in verdict) assert.match(verdict.why, why)
    })
  }
})

describe('the value of an issue property', () => {
  const values: readonly [string, ReturnType<typeof parseIssue>][] = [
    ['', { issuer: '', parameters: [] }],
    [';', { issuer: '', parameters: [] }],
    ['ca.test;', { issuer: 'ca.test', parameters: [] }],
    ['\tca.test ; ', { issuer: 'ca.test', parameters: [] }],
    ['ca.test; A = b', { issuer: 'ca.test', parameters: [['a', 'b']] }],
    [
      'ca.test;a=;b==c',
      {
        issuer: 'ca.test',
        parameters: [
          ['a', ''],
          ['b', '=c'],
        ],
      },
    ],
    ['; a=b', { issuer: '', parameters: [['a', 'b']] }],
    ['ca.test;;', undefined],
    ['ca.test; a=b;', undefined],
    ['ca.test; a', undefined],
    ['ca.test; a=b c', undefined],
    ['ca.test; ä=b', undefined],
    ['ca..test', undefined],
    ['ca.test.', undefined],
    ['ca_test', undefined],
  ]
  for (const [value, expected] of values) {
    it(`"${value}" ${expected === undefined ? 'allows nobody' : 'is read'}`, () =>
      assert.deepEqual(parseIssue(value), expected))
  }
})
