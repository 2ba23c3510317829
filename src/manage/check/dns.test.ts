import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '../../base/errors.ts'
import type { DnsRecordType } from '../../runtime/dns.ts'
import { fakeDns } from '../../testing/fake-network.ts'
import { lookAtName, namesUpwards, rememberAnswers } from './dns-view.ts'
import { judgeDns } from './judge-dns.ts'

const { signal } = new AbortController()
const silent = new AppError('ERR_TIMEOUT', 'no answer in time')
type Script = Readonly<Record<string, readonly string[] | AppError>>

/** Two servers in charge of a.test, which say what the resolver says unless a script says otherwise: `A www.a.test @1`. */
const zone: Script = {
  'SOA a.test': ['ns1.a.test'],
  'NS a.test': ['ns1.a.test', 'ns2.a.test'],
  'A ns1.a.test': ['198.51.100.1'],
  'A ns2.a.test': ['198.51.100.2'],
  'A www.a.test': ['8.8.8.8'],
  'AAAA www.a.test': ['2606:4700::1'],
}

function dnsOf(script: Script) {
  const all: Script = { ...zone, ...script }
  return fakeDns(({ name, type, server }) => {
    const key = `${type satisfies DnsRecordType} ${name}`
    return (server === undefined ? undefined : all[`${key} @${server}`]) ?? all[key]
  })
}

const cases: readonly {
  readonly name: string
  readonly script: Script
  readonly of?: string
  readonly isPublicAuthority?: boolean
  readonly expected: readonly (readonly [outcome: string, text: RegExp])[]
}[] = [
  {
    name: 'the same addresses everywhere are fine',
    script: {},
    expected: [['ok', /^www\.a\.test: 2606:4700::1, 8\.8\.8\.8, the same at ns1\.a\.test, ns2\.a\.test$/]],
  },
  {
    name: 'no address is a failure',
    script: { 'A www.a.test': [], 'AAAA www.a.test': [] },
    expected: [['failed', /has no address in DNS/]],
  },
  {
    name: 'a server with an old zone is found',
    script: { 'A www.a.test @198.51.100.2': ['8.8.4.4'] },
    expected: [['warning', /ns1\.a\.test: 2606:4700::1, 8\.8\.8\.8; ns2\.a\.test: 2606:4700::1, 8\.8\.4\.4/]],
  },
  {
    name: 'a server without the name is found',
    script: { 'A www.a.test @198.51.100.2': [], 'AAAA www.a.test @198.51.100.2': [] },
    expected: [['warning', /ns2\.a\.test: none/]],
  },
  {
    name: 'a server that is silent is found, and the others are believed',
    script: { 'A www.a.test @198.51.100.1': silent },
    expected: [['warning', /ns1\.a\.test, in charge of a\.test, does not answer: no answer in time/]],
  },
  {
    name: 'a server is asked at its other address where the first one is silent',
    script: {
      'AAAA ns1.a.test': ['2001:db8::1'],
      'A www.a.test @198.51.100.1': silent,
      'A www.a.test @[2001:db8::1]': ['8.8.8.8'],
    },
    expected: [['ok', /the same at ns1\.a\.test, ns2\.a\.test/]],
  },
  {
    name: 'a server without an address is found',
    script: { 'A ns2.a.test': [] },
    expected: [['warning', /ns2\.a\.test, in charge of a\.test, does not answer: it has no address itself/]],
  },
  {
    name: 'a cache with an old answer is found',
    script: {
      'A www.a.test': ['8.8.4.4'],
      'A www.a.test @198.51.100.1': ['8.8.8.8'],
      'A www.a.test @198.51.100.2': ['8.8.8.8'],
    },
    expected: [['warning', /not through the resolver here: 2606:4700::1, 8\.8\.4\.4/]],
  },
  {
    name: 'a resolver that fails is told, and the servers in charge are believed',
    script: {
      'A www.a.test': silent,
      'A www.a.test @198.51.100.1': ['8.8.8.8'],
      'A www.a.test @198.51.100.2': ['8.8.8.8'],
    },
    expected: [['warning', /not through the resolver here: no answer in time/]],
  },
  {
    name: 'where nobody answers that is the failure',
    script: { 'A www.a.test': silent, 'SOA www.a.test': silent },
    expected: [['failed', /^www\.a\.test: no answer in time$/]],
  },
  {
    name: 'without servers in charge the resolver is believed',
    script: { 'SOA a.test': [] },
    expected: [['ok', /the servers in charge were not asked: none was found/]],
  },
  {
    name: 'a resolver that does not know the zone says why',
    script: { 'SOA www.a.test': new AppError('ERR_NETWORK', 'NOTIMP') },
    expected: [['ok', /the servers in charge were not asked: NOTIMP/]],
  },
  {
    name: 'an alias is followed to the servers in charge of where it leads',
    of: 'shop.b.test',
    script: {
      'CNAME shop.b.test': ['www.a.test'],
      'A shop.b.test': ['8.8.8.8'],
      'AAAA shop.b.test': ['2606:4700::1'],
      // As resolvers answer when the alias leads to the top of a zone.
      'SOA shop.b.test': ['ns1.a.test'],
    },
    expected: [['ok', /^shop\.b\.test by way of www\.a\.test: .* the same at ns1\.a\.test/]],
  },
  {
    name: 'a circle of aliases ends',
    of: 'c.a.test',
    script: { 'CNAME c.a.test': ['c.a.test'] },
    expected: [['failed', /no address/]],
  },
  {
    name: 'an address that is not public is out of reach for a public CA',
    script: { 'A www.a.test': ['10.0.0.1'] },
    expected: [['warning', /leads to 10\.0\.0\.1, which is not public/]],
  },
  {
    name: 'an address that is not public is fine for a private CA',
    isPublicAuthority: false,
    script: { 'A www.a.test': ['10.0.0.1'] },
    expected: [['ok', /10\.0\.0\.1/]],
  },
]
describe('the addresses of a name', () => {
  for (const { name, script, of = 'www.a.test', isPublicAuthority = true, expected } of cases) {
    it(name, async () => {
      const view = await lookAtName(of, { dns: dnsOf(script), signal })
      const findings = judgeDns(view, { isPublicAuthority })
      assert.deepEqual(
        findings.map(({ outcome }) => outcome),
        expected.map(([outcome]) => outcome),
        JSON.stringify(findings),
      )
      for (const [index, [, text]] of expected.entries()) assert.match(findings[index]?.text ?? '', text)
    })
  }
})

it('every question is asked once', async () => {
  const asked: string[] = []
  const dns = rememberAnswers(
    fakeDns(({ name, type, server = '' }) => {
      asked.push(`${type} ${name} ${server}`)
      return ['x']
    }),
  )
  await Promise.all([dns({ name: 'a.test', type: 'A' }), dns({ name: 'a.test', type: 'A' })])
  await dns({ name: 'a.test', type: 'AAAA' })
  await dns({ name: 'a.test', type: 'A', server: '192.0.2.1' })
  assert.deepEqual(asked, ['A a.test ', 'AAAA a.test ', 'A a.test 192.0.2.1'])
})

it('names are climbed up to the top', () => {
  assert.deepEqual(namesUpwards('www.a.test'), ['www.a.test', 'a.test', 'test'])
})
