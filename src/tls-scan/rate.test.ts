/** The grade, rule by rule: a good server with one thing changed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../base/instant.ts'
import { adviceFor, snippetFor } from './advice.ts'
import type { ChainFinding, ChainReview } from './chain-review.ts'
import { type Grade, grades, isWorse } from './grades.ts'
import { groups } from './groups.ts'
import { type HttpSeen, parseHsts } from './http-look.ts'
import { type RuleName, rate, type Seen } from './rate.ts'
import type { OlderFeatures, ProtocolScan, TlsScan } from './scan-result.ts'
import { suiteOf } from './suites.ts'
import type { ProtocolName } from './versions.ts'

const gcm = 0xc02f
const x25519 = groups.filter(({ name }) => name === 'X25519')

function protocol(
  name: ProtocolName,
  suites: readonly number[],
  order: ProtocolScan['order'] = 'client',
): ProtocolScan {
  const found = suites.flatMap(id => suiteOf(id) ?? [])
  return { name, offered: true, suites: found, oldCiphers: [], order, groups: x25519 }
}

const older: OlderFeatures = {
  secureRenegotiation: true,
  compression: false,
  heartbeat: false,
  sessionTickets: true,
  sessionNames: false,
  extendedMasterSecret: true,
  encryptThenMac: false,
  stapling: false,
  fallbackSignal: true,
}
const newest = protocol('TLSv1.3', [0x1301, 0x1302])
const goodScan: TlsScan = {
  protocols: [protocol('TLSv1.2', [gcm, 0xc030]), newest],
  chains: [],
  primes: [],
  exportKeyBits: [],
  older,
  connections: 50,
}
const leaf: NonNullable<ChainReview['leaf']> = {
  fingerprint: 'f',
  subject: '',
  issuer: 'CN=R12',
  names: ['shop.example'],
  notBefore: instant(0),
  notAfter: instant(1),
  key: { kind: 'RSA', bits: 2048, rsaBits: 2048 },
  signature: 'sha256WithRSA',
}
const http: HttpSeen = {
  spoken: true,
  hsts: { maxAgeSeconds: 63_072_000, includeSubDomains: false, preload: false },
}
const good: Seen = { scan: goodScan, chains: [{ leaf, sent: 2, findings: [] }], http }

const also = (...protocols: readonly ProtocolScan[]) => ({
  scan: { ...goodScan, protocols: [...protocols, ...goodScan.protocols] },
})
const speaking = (...protocols: readonly ProtocolScan[]) => ({ scan: { ...goodScan, protocols } })
const with12 = (...suites: readonly number[]) => speaking(protocol('TLSv1.2', [gcm, ...suites]), newest)
const finding = (kind: ChainFinding['kind']) => ({
  chains: [{ leaf, sent: 2, findings: [{ kind, text: `it is ${kind}` }] }],
})
const key = (kind: string, bits: number, rsaBits = bits) => ({
  chains: [{ leaf: { ...leaf, key: { kind, bits, rsaBits } }, sent: 2, findings: [] }],
})
const feature = (changed: Partial<OlderFeatures>) => ({
  scan: { ...goodScan, older: { ...older, ...changed } },
})
const hsts = (header: string): { readonly http: HttpSeen } => ({
  http: { spoken: true, hsts: parseHsts(header) ?? 'invalid' },
})

const cases: readonly (readonly [string, Partial<Seen>, Grade, readonly RuleName[]])[] = [
  ['a good server', {}, 'A+', []],
  ['TLS 1.3 alone', speaking(newest), 'A+', []],
  ['no TLS 1.3', speaking(protocol('TLSv1.2', [gcm])), 'A-', ['no-tls13']],
  ['TLS 1.1 too', also(protocol('TLSv1.1', [0xc013])), 'B', ['tls11']],
  ['TLS 1.0 too', also(protocol('TLSv1.0', [0xc013])), 'B', ['tls10']],
  [
    'TLS 1.0 alone',
    speaking(protocol('TLSv1.0', [0xc013])),
    'C',
    ['no-tls12', 'tls10', 'no-aead', 'no-tls13'],
  ],
  ['SSL 3 with block ciphers', also(protocol('SSLv3', [0x002f])), 'C', ['ssl3']],
  ['SSL 3 with RC4 alone', also(protocol('SSLv3', [0x0005])), 'B', ['ssl3', 'rc4']],
  ['SSL 2', also({ ...protocol('SSLv2', []), oldCiphers: ['SSL_CK_RC4_128_WITH_MD5'] }), 'F', ['ssl2']],
  ['RC4 in TLS 1.0', also(protocol('TLSv1.0', [gcm, 0x0005])), 'B', ['tls10', 'rc4']],
  ['RC4 in TLS 1.2', with12(0x0005), 'C', ['rc4']],
  [
    'nothing but RC4',
    speaking(protocol('TLSv1.0', [0x0005])),
    'F',
    ['rc4', 'no-tls12', 'tls10', 'no-forward-secrecy', 'no-aead', 'no-tls13'],
  ],
  ['triple DES', with12(0x000a), 'C', ['small-blocks']],
  ['DES', with12(0x0009), 'F', ['weak-cipher']],
  ['an export cipher', with12(0x0003), 'F', ['export']],
  ['no encryption', with12(0x0002), 'F', ['null']],
  ['an anonymous suite', with12(0xc018), 'F', ['anonymous']],
  ['no forward secrecy at all', speaking(protocol('TLSv1.2', [0x009c]), newest), 'B', ['no-forward-secrecy']],
  [
    'forward secrecy not preferred by the server',
    speaking(protocol('TLSv1.2', [0x009c, gcm], 'server'), newest),
    'B',
    ['no-forward-secrecy'],
  ],
  [
    'forward secrecy for who asks for it',
    speaking(protocol('TLSv1.2', [0x009c, gcm], 'client'), newest),
    'A+',
    [],
  ],
  ['no authenticated encryption', speaking(protocol('TLSv1.2', [0xc027]), newest), 'B', ['no-aead']],
  ['a prime of 1024 bits', { scan: { ...goodScan, primes: [{ bits: 1024 }] } }, 'B', ['weak-dh']],
  ['a prime of 768 bits', { scan: { ...goodScan, primes: [{ bits: 768 }] } }, 'F', ['weak-dh']],
  ['a prime of 2048 bits', { scan: { ...goodScan, primes: [{ bits: 2048 }] } }, 'A+', []],
  ['RSA with 1024 bits', key('RSA', 1024), 'B', ['weak-key']],
  ['RSA with 768 bits', key('RSA', 768), 'F', ['weak-key']],
  ['ECDSA', key('ECDSA', 256, 3072), 'A+', []],
  ['compression', feature({ compression: true }), 'C', ['compression']],
  ['no secure renegotiation', feature({ secureRenegotiation: false }), 'A-', ['renegotiation']],
  ['no fallback signal', feature({ fallbackSignal: false }), 'A+', []],
  ['a heartbeat', feature({ heartbeat: true }), 'A+', []],
  ['no HSTS', { http: { spoken: true } }, 'A', ['hsts']],
  ['HSTS for 179 days', hsts('max-age=15465600'), 'A', ['hsts']],
  ['HSTS for 180 days', hsts('max-age=15552000'), 'A+', []],
  ['HSTS that cannot be read', hsts('max-age=forever'), 'A', ['hsts']],
  ['HTTP that could not be asked', { http: { spoken: false, failure: 'broke off' } }, 'A', ['hsts']],
  ['a server for mail', { http: undefined }, 'A+', []],
  ['an unknown root', finding('untrusted'), 'T', ['untrusted']],
  ['a certificate signed by itself', finding('self-signed'), 'T', ['untrusted']],
  ['an expired certificate', finding('expired'), 'T', ['untrusted']],
  ['a signature with SHA-1', finding('sha1'), 'T', ['untrusted']],
  ['a signature with MD5', finding('md5'), 'F', ['md5']],
  ['a broken key', finding('broken-key'), 'F', ['broken-key']],
  ['another name', finding('name'), 'M', ['name']],
  ['an incomplete chain', finding('incomplete'), 'B', ['chain']],
  ['certificates in the wrong order', finding('order'), 'A+', []],
]
for (const [name, changed, grade, rules] of cases) {
  test(`${name} is ${grade}`, () => {
    const rating = rate({ ...good, ...changed })
    assert.equal(rating.grade, grade)
    assert.deepEqual(
      rating.limits.map(({ rule }) => rule),
      rules,
    )
    for (const { text, rule } of rating.limits) {
      assert.notEqual(text, '')
      for (const server of ['nginx/1.22.1', 'Apache/2.4', undefined])
        assert.notEqual(adviceFor(rule, server), '')
    }
  })
}

test('what is not trusted is T, whatever the name; the settings have a grade of their own', () => {
  const findings = [
    { kind: 'name', text: 'another name' },
    { kind: 'untrusted', text: 'unknown root' },
  ] as const
  const rating = rate({ ...good, chains: [{ leaf, sent: 1, findings }] })
  assert.equal(rating.grade, 'T')
  assert.equal(rating.gradeOfSettings, 'A+')
})

const scoreCases: readonly (readonly [string, Partial<Seen>, readonly [number, number, number, number]])[] = [
  ['the good server', {}, [100, 90, 90, 93]],
  [
    'AES-256 and RSA 4096 with P-384',
    {
      ...speaking({
        ...protocol('TLSv1.3', [0x1302]),
        groups: groups.filter(({ name }) => name === 'secp384r1'),
      }),
      ...key('RSA', 4096),
    },
    [100, 100, 100, 100],
  ],
  ['SSL 3 beside', also(protocol('SSLv3', [0x002f])), [90, 90, 90, 90]],
  ['a prime of 1024 bits', { scan: { ...goodScan, primes: [{ bits: 1024 }] } }, [100, 80, 90, 90]],
  ['an export cipher', with12(0x0003), [100, 40, 60, 66]],
  ['no encryption', with12(0x0002), [100, 90, 50, 77]],
  ['an anonymous suite', with12(0xc018), [100, 0, 90, 0]],
]
for (const [name, changed, [protocolScore, keyExchange, cipher, total]] of scoreCases) {
  test(`${name} has the scores ${protocolScore}, ${keyExchange}, ${cipher}`, () => {
    const expected = { protocol: protocolScore, keyExchange, cipher, total }
    assert.deepEqual(rate({ ...good, ...changed }).scores, expected)
  })
}

test('each grade is worse than the one before it', () => {
  for (const [index, grade] of grades.entries()) {
    assert.equal(isWorse(grade, grade), false)
    for (const better of grades.slice(0, index)) assert.equal(isWorse(grade, better), true)
  }
})

test('how long HSTS lasts is told in words', () => {
  const [limit] = rate({ ...good, ...hsts('max-age=300') }).limits
  assert.equal(limit?.text, 'HSTS lasts 5 min; 180 d are needed')
})

test('the settings of a server that does not say what it is are at hand, too', () => {
  assert.equal(snippetFor(['tls10'], 'nginx'), 'certwright tls snippet nginx --hsts 5m')
  assert.match(snippetFor(['tls10'], undefined) ?? '', /^certwright tls snippet SERVER, such as postfix/)
  assert.equal(snippetFor(['name'], undefined), undefined)
})

test('nginx and Apache are told their own settings, others what they mean', () => {
  assert.match(adviceFor('tls10', 'nginx/1.22.1'), /^nginx: ssl_protocols/)
  assert.match(adviceFor('tls10', 'Apache/2.4.62 (Debian)'), /^apache: SSLProtocol/)
  assert.match(adviceFor('tls10', 'lighttpd/1.4.69'), /^allow TLS 1\.2/)
})
