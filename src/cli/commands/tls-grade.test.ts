import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext } from '../../../test/support/fake-context.ts'
import { dayMs, plusMs } from '../../base/instant.ts'
import { fakeHttp, fakeResolver, textReply } from '../../testing/fake-network.ts'
import { fakeTlsServer, type TlsPolicy } from '../../testing/fake-tls-server.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { tlsGrade } from './tls-grade.ts'

const { runtime: nowhere } = await fakeContext()
const now = nowhere.clock.now()
const authority = await testAuthority(now)
const name = 'shop.example'
const { leafDer, intermediateDer } = await authority.issue([{ type: 'dns', value: name }], {
  notAfter: plusMs(now, 60 * dayMs),
})
const today: TlsPolicy = {
  suites: { 0x0303: [0xc02f, 0xc030], 0x0304: [0x1301, 0x1302, 0x1303] },
  groups: [4588, 29, 23],
  chain: [leafDer, intermediateDer],
  extensions: [0xff01],
}
const hsts = { server: 'nginx/1.22.1', 'strict-transport-security': 'max-age=63072000' }

/** A machine on which shop.example is such a server. */
async function machine(policy: TlsPolicy, files: Readonly<Record<string, string>> = {}) {
  const connect = fakeTlsServer(policy)
  const { context, runtime } = await fakeContext(undefined, {
    globals: { color: false, trust: '/roots.pem' },
    runtime: {
      resolver: fakeResolver({ [name]: ['2001:db8::1', '192.0.2.1'] }),
      // Nothing listens on the IPv6 address.
      connectRaw: (target, limits) =>
        target.host === '192.0.2.1' ? connect(target, limits) : nowhere.connectRaw(target, limits),
      probeTls: async () => ({ leaf: leafDer, chain: policy.chain ?? [], protocol: 'TLSv1.3' }),
      http: fakeHttp(url =>
        url.startsWith('https:')
          ? textReply(200, '', hsts)
          : textReply(301, '', { location: `https://${name}/` }),
      ),
    },
  })
  for (const [path, text] of Object.entries({ '/roots.pem': authority.rootPem, ...files }))
    await runtime.files.put(path, text)
  return context
}

test('a good server is A+ on one screen, the other address is named', async () => {
  const { text, exitCode } = await tlsGrade(await machine(today), { args: [name] })
  assert.equal(exitCode, 0)
  assert.equal(
    text,
    [
      'A+  shop.example:443  192.0.2.1, nginx/1.22.1',
      '',
      'protocols    TLS 1.3, TLS 1.2; not TLS 1.1, TLS 1.0, SSL 3, SSL 2',
      '  TLS 1.3    3 suites, the client chooses: AES_128_GCM_SHA256, AES_256_GCM_SHA384, CHACHA20_POLY1305_SHA256',
      '  TLS 1.2    2 suites, the client chooses: ECDHE_RSA_AES_256_GCM_SHA384, ECDHE_RSA_AES_128_GCM_SHA256',
      'groups       X25519MLKEM768, X25519, secp256r1',
      'certificate  shop.example; ECDSA 256, sha256WithECDSA',
      '             from CN=Test Intermediate, until 2030-03-02T00:00:00Z (in 60 d)',
      '             2 certificates sent; trusted',
      'HSTS         730 d',
      'plain HTTP   leads to https',
      'other        secure renegotiation, no compression, no session tickets, no fallback signal, no stapled OCSP',
      'scores       protocol 100, key exchange 90, cipher 90: 93 of 100',
      '',
      'other addresses, each to be graded by itself: [2001:db8::1]:443',
      '  hint: certwright tls grade [2001:db8::1]:443 --server-name shop.example',
      '',
    ].join('\n'),
  )
})

test('what is to be changed stands below, once for each setting, in the words of the server', async () => {
  const old = { ...today, suites: { ...today.suites, 0x0301: [0xc013], 0x0302: [0xc013] } }
  const { text } = await tlsGrade(await machine(old), { args: [name] })
  assert.match(text, /^B {2}shop\.example/)
  assert.match(
    text,
    / {2}B {3}TLS 1\.0 is offered.*\n {2}B {3}TLS 1\.1 is offered.*\n {6}nginx: ssl_protocols TLSv1\.2 TLSv1\.3;\n {2}all settings at once: certwright tls snippet nginx --hsts 5m\n/,
  )
})

test('a grade that is not trusted says what the settings alone would be', async () => {
  const context = await machine({ ...today, chain: [leafDer] })
  const { text, json } = await tlsGrade(context, { args: [name] })
  assert.match(text, /^T {2}shop\.example/)
  assert.match(text, /the settings alone: A\+/)
  assert.match(text, /no trusted root leads to the chain/)
  assert.equal((json as { readonly gradeOfSettings: string }).gradeOfSettings, 'A+')
})

test('what is good enough for --min ends with 0', async () => {
  assert.equal((await tlsGrade(await machine(today), { args: [name], min: 'A+' })).exitCode, 0)
})

test('below --min the exit code is 1, and --json says so', async () => {
  const context = await machine({ ...today, suites: { 0x0303: [0xc02f] } })
  const { exitCode, json } = await tlsGrade(context, { args: [name], min: 'A' })
  assert.equal(exitCode, 1)
  const { ok, grade, limits } = json as {
    readonly ok: boolean
    readonly grade: string
    readonly limits: readonly { readonly rule: string; readonly advice: string }[]
  }
  assert.deepEqual({ ok, grade }, { ok: false, grade: 'A-' })
  assert.match(limits.find(({ rule }) => rule === 'no-tls13')?.advice ?? '', /^nginx: /)
})

const mistakes = [
  ['no name resolves', { args: ['nobody.example'] }, 'ERR_NETWORK', /has no address/],
  ['the target is none', { args: ['http://x'] }, 'ERR_USAGE', /http:\/\/ is not known/],
] as const
for (const [what, flags, code, message] of mistakes) {
  test(`${what}: ${code}`, async () => {
    await assert.rejects(tlsGrade(await machine(today), flags), { code, message })
  })
}

test('a file of roots that is missing or empty is a mistake of usage', async () => {
  const context = await machine(today, { '/empty.pem': 'nothing' })
  const trusting = (trust: string) => ({ ...context, globals: { color: false, trust } })
  await assert.rejects(tlsGrade(trusting('/missing.pem'), { args: [name] }), { code: 'ERR_USAGE' })
  await assert.rejects(tlsGrade(trusting('/empty.pem'), { args: [name] }), { code: 'ERR_USAGE' })
})
