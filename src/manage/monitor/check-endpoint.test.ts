/** Endpoints on a machine in memory: certificates are real, handshakes are not. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { dayMs, type Instant, instant, plusMs } from '../../base/instant.ts'
import type { KeyKind, ProbeTarget } from '../../runtime/network.ts'
import { fakeResolver } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import {
  type TestAuthority,
  type TestServerCertificate,
  testAuthority,
} from '../../testing/test-authority.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import type { KeyType } from '../../x509/key-types.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import type { MonitoredEndpoint } from '../spec.ts'
import { parseSpecName } from '../spec.ts'
import { saveGeneration } from '../store/generations.ts'
import { checkEndpoint } from './check-endpoint.ts'
import { readStoredNow } from './stored-now.ts'

const state = '/s'
const now = instant(Date.UTC(2026, 10, 20))
const nameOf = (text: string) => {
  const name = parseSpecName(text)
  assert.ok(name !== undefined)
  return name
}

describe('a monitored endpoint', () => {
  let authority: TestAuthority
  let root: string
  before(async () => {
    authority = await testAuthority(now)
    root = authority.rootPem
  })
  /** Ends with the test's authority, a day from now. */
  const issue = (host: string, options: { keyType?: KeyType; notAfter?: Instant } = {}) =>
    authority.issue([{ type: 'dns', value: host }], {
      notBefore: plusMs(now, -80 * dayMs),
      notAfter: plusMs(now, 80 * dayMs),
      ...options,
    })

  type Site = {
    readonly addresses?: readonly string[]
    /** By address, or for all of them. */
    readonly serve: (target: ProbeTarget) => TestServerCertificate | Uint8Array[] | undefined
    readonly stored?: readonly {
      readonly name: string
      readonly certificate: TestServerCertificate
      readonly keyType?: KeyType
    }[]
    readonly roots?: readonly string[]
  }
  async function check(
    { addresses = ['192.0.2.1'], serve, stored = [], roots = [root] }: Site,
    wish: Partial<MonitoredEndpoint> = {},
  ) {
    const runtime = fakeRuntime(
      {
        resolver: fakeResolver({ 'a.test': addresses }),
        systemRoots: async () => roots,
        probeTls: async (target: ProbeTarget) => {
          const served = serve(target)
          if (served === undefined)
            throw new AppError('ERR_NETWORK', 'nothing listens there', { hint: 'start it' })
          const chain = Array.isArray(served) ? served : [served.leafDer, served.intermediateDer]
          return { leaf: chain[0] ?? Uint8Array.of(), chain, protocol: 'TLSv1.3' }
        },
      },
      { now },
    )
    for (const { name, certificate, keyType = 'ecdsa-p256' } of stored) {
      const { fingerprint, notBefore, notAfter, identifiers, issuer } = parseCertificate(certificate.leafDer)
      await saveGeneration(
        state,
        nameOf(name),
        {
          ...{
            fingerprint,
            notBefore,
            notAfter,
            identifiers,
            issuer,
            keyType,
            serialNumber: '01',
            orderUrl: 'https://ca.test/1',
          },
          authority: { id: 'ca', directory: 'https://ca.test/' },
          chain: [certificate.leafDer, certificate.intermediateDer],
        },
        runtime,
      )
    }
    await runtime.files.put('/roots.pem', authority.rootPem)
    const monitored = { text: 'a.test:443', endpoint: { host: 'a.test', port: 443, source: '/c' }, ...wish }
    const options = {
      state,
      stored: await readStoredNow(state, runtime),
      signal: new AbortController().signal,
    }
    const looks = await checkEndpoint(monitored, options, runtime)
    return looks.map(({ look, findings, stored: same }) => [
      endpointName(look.endpoint),
      findings.map(({ kind, level, text }) => `${kind} ${level}: ${text}`),
      ...(same === undefined ? [] : [same]),
    ])
  }

  it('is asked at every address', async () => {
    const certificate = await issue('a.test')
    const addresses = ['2001:db8::1', '192.0.2.1']
    const serve = ({ host }: ProbeTarget) => (host === '192.0.2.1' ? certificate : undefined)
    assert.deepEqual(await check({ addresses, serve }), [
      ['a.test at [2001:db8::1]:443', ['down wrong: nothing listens there']],
      ['a.test at 192.0.2.1:443', []],
    ])
  })

  it('is not down where only this machine has no way to one of its addresses', async () => {
    const certificate = await issue('a.test')
    const addresses = ['2001:db8::1', '192.0.2.1']
    const cause = Object.assign(new Error('no route'), { code: 'ENETUNREACH' })
    const serve = ({ host }: ProbeTarget) => {
      if (host === '192.0.2.1') return certificate
      throw new AppError('ERR_NETWORK', 'there is no route to it', { cause })
    }
    assert.deepEqual(await check({ addresses, serve }), [
      ['a.test at [2001:db8::1]:443', ['down note: there is no route to it']],
      ['a.test at 192.0.2.1:443', []],
    ])
    assert.deepEqual(await check({ addresses: ['2001:db8::1'], serve }), [
      ['a.test at [2001:db8::1]:443', ['down wrong: there is no route to it']],
    ])
  })

  it('without an address is down', async () => {
    assert.deepEqual(await check({ addresses: [], serve: () => undefined }), [
      ['a.test:443', ['down wrong: a.test has no address in DNS']],
    ])
  })

  it('shows both of its certificates, and what is wrong with one is said of that one', async () => {
    const rsa = await issue('a.test', { keyType: 'rsa-2048', notAfter: plusMs(now, 5 * dayMs) })
    const ecdsa = await issue('a.test')
    const serve = ({ keyKind }: ProbeTarget) => (keyKind === 'rsa' ? rsa : ecdsa)
    assert.deepEqual(await check({ serve }), [
      ['a.test at 192.0.2.1:443 (ECDSA)', []],
      [
        'a.test at 192.0.2.1:443 (RSA)',
        ['ends-soon wrong: its certificate ends 2026-11-25T00:00:00Z (in 5 d)'],
      ],
    ])
    const asked: (KeyKind | undefined)[] = []
    const one = ({ keyKind }: ProbeTarget) => {
      asked.push(keyKind)
      return keyKind === 'rsa' ? undefined : ecdsa
    }
    assert.deepEqual(await check({ serve: one }), [['a.test at 192.0.2.1:443', []]])
    assert.deepEqual(asked, [undefined, 'rsa'])
  })

  for (const { name, days, warnBeforeDays, says } of [
    { name: 'long before its end', days: 22, says: [] },
    {
      name: 'three weeks before its end',
      days: 20,
      says: ['ends-soon wrong: its certificate ends 2026-12-10T00:00:00Z (in 20 d)'],
    },
    { name: 'by a warning of its own', days: 20, warnBeforeDays: 10, says: [] },
    {
      name: 'by a longer warning',
      days: 30,
      warnBeforeDays: 40,
      says: ['ends-soon wrong: its certificate ends 2026-12-20T00:00:00Z (in 30 d)'],
    },
    {
      name: 'after its end',
      days: -1,
      says: ['expired wrong: its certificate ended 2026-11-19T00:00:00Z (24 h ago)'],
    },
  ]) {
    it(`${name} ${says.length === 0 ? 'is good' : 'is not'}`, async () => {
      const certificate = await issue('a.test', { notAfter: plusMs(now, days * dayMs) })
      const wish = warnBeforeDays === undefined ? {} : { warnBeforeMs: warnBeforeDays * dayMs }
      assert.deepEqual((await check({ serve: () => certificate }, wish))[0]?.[1], says)
    })
  }

  it('with a short life is given less warning', async () => {
    const week = { notBefore: plusMs(now, -4 * dayMs), notAfter: plusMs(now, 2 * dayMs) }
    const certificate = await authority.issue([{ type: 'dns', value: 'a.test' }], week)
    assert.deepEqual((await check({ serve: () => certificate }))[0]?.[1], [])
  })

  it('for another name, or with a chain that is not whole, is wrong in every way that it is', async () => {
    const certificate = await issue('b.test')
    assert.deepEqual((await check({ serve: () => [certificate.leafDer] }))[0]?.[1], [
      'other-name wrong: its certificate is not for a.test, but for b.test',
      'chain wrong: the certificate of "CN=Test Intermediate" was not sent, and it is no root that is trusted here',
    ])
  })

  it('of a CA that nobody here trusts is good with the roots that are given', async () => {
    const certificate = await issue('a.test')
    const site = { serve: () => certificate, roots: [] }
    assert.match(
      String((await check(site))[0]?.[1]),
      /chain wrong: the certificate of "CN=Test Root" was not sent/,
    )
    assert.deepEqual((await check(site, { rootsFile: '/roots.pem' }))[0]?.[1], [])
    assert.match(
      String((await check(site, { rootsFile: '/none' }))[0]?.[1]),
      /down wrong: there is no file \/none with roots/,
    )
  })

  it('is known by what is stored', async () => {
    const [first, second] = [await issue('a.test'), await issue('a.test')]
    const other = await issue('a.test')
    const stored = [first, second].map(certificate => ({ name: 'shop', certificate }))
    const seen = async (certificate: TestServerCertificate, wish = {}) =>
      (await check({ serve: () => certificate, stored }, wish))[0]
    assert.deepEqual(await seen(second), ['a.test at 192.0.2.1:443', [], 'shop'])
    assert.match(
      String((await seen(first))?.[1]),
      /^other-certificate wrong: it shows an earlier certificate of shop; the newest ends 2027/,
    )
    assert.match(
      String((await seen(other))?.[1]),
      /^other-certificate note: it is not the certificate of shop/,
    )
    const wish = { certificate: nameOf('shop') }
    assert.deepEqual((await seen(second, wish))?.[1], [])
    assert.match(
      String((await seen(other, wish))?.[1]),
      /^other-certificate wrong: it shows certificate \w{12}, and shop is \w{12}$/,
    )
    assert.match(
      String((await seen(other, { certificate: nameOf('none') }))?.[1]),
      /other-certificate wrong: there is no certificate none in the store/,
    )
  })

  it('of a pair has to show both of the pair', async () => {
    const ecdsa = await issue('a.test')
    const rsa = await issue('a.test', { keyType: 'rsa-2048' })
    const stored = [
      { name: 'shop', certificate: ecdsa },
      { name: 'shop-rsa', certificate: rsa, keyType: 'rsa-2048' as const },
    ]
    const serve = ({ keyKind }: ProbeTarget) => (keyKind === 'rsa' ? rsa : ecdsa)
    const looks = await check({ serve, stored }, { certificate: nameOf('shop') })
    assert.deepEqual(
      looks.map(([, findings]) => findings),
      [[], []],
    )
  })
})
