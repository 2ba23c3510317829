import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isAppError } from '../base/errors.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { answeringWith, fakeTlsServer, type TlsPolicy } from '../testing/fake-tls-server.ts'
import { scanTls } from './scan.ts'
import type { TlsScan } from './scan-result.ts'
import { olderSuites } from './suites.ts'

const target = { host: 'shop.example', address: '192.0.2.1', port: 443, serverName: 'shop.example' }
const { signal } = new AbortController()
const der = new Uint8Array(Buffer.from('not really a certificate'))

async function scanOf(policy: TlsPolicy): Promise<TlsScan> {
  const connectRaw = fakeTlsServer({ chain: [der], groups: [29, 23], ...policy })
  return scanTls(target, { signal }, fakeRuntime({ connectRaw }, { autoAdvance: true }))
}

function seen({ protocols }: TlsScan): Record<string, readonly string[]> {
  const offered = protocols.filter(protocol => protocol.offered)
  return Object.fromEntries(
    offered.map(({ name, suites, oldCiphers }) => [
      name,
      [...suites.map(suite => suite.name), ...oldCiphers],
    ]),
  )
}

const gcm = 0xc02f
const cbc = 0xc013

const protocolCases: readonly {
  readonly name: string
  readonly policy: TlsPolicy
  readonly expected: Record<string, readonly string[]>
}[] = [
  {
    name: 'a server of today',
    policy: { suites: { 0x0303: [gcm, 0xc030] } },
    expected: {
      'TLSv1.2': ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    },
  },
  {
    name: 'a server with an order of its own',
    policy: { suites: { 0x0303: [gcm, 0xc030] }, serverOrder: true },
    expected: {
      'TLSv1.2': ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
    },
  },
  {
    name: 'an order over suites that are asked for in different hellos',
    policy: { suites: { 0x0301: [0x0005, cbc] }, serverOrder: true },
    expected: { 'TLSv1.0': ['TLS_RSA_WITH_RC4_128_SHA', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'] },
  },
  {
    name: 'everything from SSL 2 on',
    policy: {
      suites: { 0x0300: [0x000a], 0x0301: [0x002f], 0x0302: [0x002f], 0x0303: [0x002f] },
      ssl2: [0x07_00_c0],
    },
    expected: {
      SSLv2: ['SSL_CK_DES_192_EDE3_CBC_WITH_MD5'],
      SSLv3: ['TLS_RSA_WITH_3DES_EDE_CBC_SHA'],
      'TLSv1.0': ['TLS_RSA_WITH_AES_128_CBC_SHA'],
      'TLSv1.1': ['TLS_RSA_WITH_AES_128_CBC_SHA'],
      'TLSv1.2': ['TLS_RSA_WITH_AES_128_CBC_SHA'],
    },
  },
]
for (const { name, policy, expected } of protocolCases) {
  test(`${name} is seen as it is`, async () => {
    assert.deepEqual(seen(await scanOf(policy)), expected)
  })
}

const orderCases = [
  { policy: { suites: { 0x0303: [gcm, cbc] }, serverOrder: true }, expected: 'server' },
  { policy: { suites: { 0x0303: [gcm, cbc] } }, expected: 'client' },
  { policy: { suites: { 0x0303: [gcm] } }, expected: undefined },
] as const
for (const { policy, expected } of orderCases) {
  test(`with ${policy.suites[0x0303].length} suites, who chooses is found to be ${expected ?? 'nobody'}`, async () => {
    const { protocols } = await scanOf(policy)
    assert.equal(protocols.find(({ name }) => name === 'TLSv1.2')?.order, expected)
  })
}

test('groups are found one after the other, post-quantum ones too, without finishing a handshake', async () => {
  const { protocols } = await scanOf({ suites: { 0x0303: [gcm], 0x0304: [0x1301] }, groups: [4588, 29, 256] })
  const groupsOf = (wanted: string) =>
    protocols.find(({ name }) => name === wanted)?.groups.map(({ name }) => name)
  assert.deepEqual(groupsOf('TLSv1.3'), ['X25519MLKEM768', 'X25519', 'ffdhe2048'])
  assert.deepEqual(groupsOf('TLSv1.2'), ['X25519'])
})

test('primes, keys of export suites and the certificates are kept', async () => {
  const prime = new Uint8Array(128).fill(0xff)
  const policy = { suites: { 0x0301: [0x0033, 0x0003] }, prime, exportModulus: new Uint8Array(64).fill(0xff) }
  const scan = await scanOf(policy)
  assert.deepEqual(scan.primes, [{ bits: 1024 }])
  assert.deepEqual(scan.exportKeyBits, [512])
  assert.deepEqual(scan.chains, [[der]])
})

const featureCases = [
  { name: 'secureRenegotiation', policy: { extensions: [0xff01] } },
  { name: 'heartbeat', policy: { extensions: [15] } },
  { name: 'sessionTickets', policy: { extensions: [35] } },
  { name: 'extendedMasterSecret', policy: { extensions: [23] } },
  { name: 'compression', policy: { compression: true } },
  { name: 'fallbackSignal', policy: { fallbackSignal: true } },
] as const
for (const { name, policy } of featureCases) {
  test(`${name} is seen where it is, and not where it is not`, async () => {
    const suites = { 0x0302: [cbc], 0x0303: [gcm] }
    assert.equal((await scanOf({ suites, ...policy })).older?.[name], true)
    assert.equal((await scanOf({ suites })).older?.[name], false)
  })
}

for (const [what, kind] of [
  ['HTTP in the handshake', 16],
  ['a heartbeat', 15],
] as const) {
  test(`a server that refuses ${what} is seen all the same`, async () => {
    const scan = await scanOf({ suites: { 0x0303: [gcm] }, extensions: [0xff01], dislikes: [kind] })
    assert.equal(scan.older?.secureRenegotiation, true)
  })
}

test('in SSL 3, which has no extensions, secure renegotiation is seen too', async () => {
  const scan = await scanOf({ suites: { 0x0300: [0x000a] }, extensions: [0xff01] })
  assert.equal(scan.older?.secureRenegotiation, true)
})

const speechless = [
  {
    name: 'a port for plain HTTP',
    answer: 'HTTP/1.1 400 Bad Request\r\n\r\n',
    text: /does not speak TLS/,
    hint: /--starttls/,
  },
  { name: 'a port that hangs up', answer: '', text: /does not speak TLS/, hint: /port is right/ },
  {
    name: 'a server that knows no such name',
    answer: '\x15\x03\x03\0\x02\x02\x70',
    text: /refused every handshake \(alert 112\)/,
    hint: /--server-name/,
  },
  {
    name: 'a server without a certificate',
    answer: '\x15\x03\x03\0\x02\x02\x28',
    text: /refused every handshake \(alert 40\)/,
    hint: /see the log/,
  },
]
for (const { name, answer, text, hint } of speechless) {
  test(`${name} is no grade, and the error says why`, async () => {
    const connectRaw = answeringWith(() => Buffer.from(answer, 'latin1'))
    const runtime = fakeRuntime({ connectRaw }, { autoAdvance: true })
    await assert.rejects(scanTls(target, { signal }, runtime), error => {
      assert.ok(isAppError(error, 'ERR_NETWORK'))
      assert.match(error.message, text)
      assert.match(error.hint ?? '', hint)
      return true
    })
  })
}

test('a connection that fails once in the middle is made again', async () => {
  const connect = fakeTlsServer({ suites: { 0x0303: [gcm] }, groups: [29], chain: [der] })
  let count = 0
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const connectRaw: typeof connect = async (...args) => {
    count += 1
    return count === 5 ? runtime.connectRaw(...args) : connect(...args)
  }
  const scan = await scanTls(target, { signal }, { ...runtime, connectRaw })
  assert.deepEqual(Object.keys(seen(scan)), ['TLSv1.2'])
})

const overloads = [
  { name: 'hangs up', answer: '' },
  { name: 'complains in plain text', answer: '421 Too many concurrent SMTP connections\r\n' },
]
for (const { name, answer } of overloads) {
  test(`a server that ${name} when it is asked too often is asked again`, async () => {
    const connect = fakeTlsServer({ suites: { 0x0303: [gcm, 0xc030] }, groups: [29], chain: [der] })
    const busy = answeringWith(() => Buffer.from(answer))
    let count = 0
    const connectRaw: typeof connect = async (...args) => {
      count += 1
      return count > 1 && count % 3 === 0 ? busy(...args) : connect(...args)
    }
    const scan = await scanTls(target, { signal }, fakeRuntime({ connectRaw }, { autoAdvance: true }))
    assert.equal(seen(scan)['TLSv1.2']?.length, 2)
  })
}

test('whatever a server answers, a scan ends with a result or an error of ours', async () => {
  const flight = fakeTlsServer({
    suites: { 0x0301: [cbc], 0x0303: [gcm] },
    groups: [29],
    chain: [der],
    extensions: [15],
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
      fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      async (changes, noise, every) => {
        let count = 0
        const connectRaw: typeof flight = async (...args) => {
          count += 1
          if (count % every === 0) return answeringWith(() => noise[count % noise.length] ?? der)(...args)
          const connection = await flight(...args)
          const receive = async () => {
            const bytes = (await connection.receive())?.slice()
            if (bytes !== undefined) for (const [at, value] of changes) bytes[at % bytes.length] = value
            return bytes
          }
          return { ...connection, receive }
        }
        const probeTls = async () => ({ leaf: der, chain: [der], protocol: 'TLSv1.3' })
        const runtime = fakeRuntime({ connectRaw, probeTls }, { autoAdvance: true })
        await scanTls(target, { signal }, runtime).catch(error => assert.ok(isAppError(error), String(error)))
        assert.ok(count < 5_000, `${count} connections`)
      },
    ),
    { numRuns: 60 },
  )
})

test('a server that takes forever for each answer is given up', async () => {
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const slow = fakeTlsServer({ suites: { 0x0303: olderSuites }, groups: [29], chain: [der] })
  const connectRaw: typeof slow = async (...args) => {
    await runtime.clock.sleep(4_900)
    return slow(...args)
  }
  await assert.rejects(scanTls(target, { signal }, { ...runtime, connectRaw }), {
    code: 'ERR_TIMEOUT',
    message: /within 10 min/,
  })
})

test('a server that nobody can reach fails at the first connection', async () => {
  let connections = 0
  const runtime = fakeRuntime({}, { autoAdvance: true })
  const connectRaw: typeof runtime.connectRaw = async (...args) => {
    connections += 1
    return runtime.connectRaw(...args)
  }
  await assert.rejects(scanTls(target, { signal }, { ...runtime, connectRaw }), { code: 'ERR_NETWORK' })
  assert.equal(connections, 1)
})

test('in TLS 1.3 both kinds of certificates are asked for, and a missing one is no failure', async () => {
  const connectRaw = fakeTlsServer({ suites: { 0x0304: [0x1301] }, groups: [4588] })
  const asked: (string | undefined)[] = []
  const runtime = fakeRuntime({ connectRaw })
  const probeTls: typeof runtime.probeTls = async (asking, options) => {
    asked.push(asking.keyKind)
    if (asking.keyKind === 'ecdsa') return runtime.probeTls(asking, options)
    return { leaf: der, chain: [der], protocol: 'TLSv1.3' }
  }
  const scan = await scanTls(target, { signal }, { ...runtime, probeTls })
  assert.deepEqual(scan.chains, [[der]])
  assert.deepEqual(asked, ['ecdsa', 'rsa'])
})
