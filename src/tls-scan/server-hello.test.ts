/** What a server sends is read whole or refused, whatever it is. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { isAppError } from '../base/errors.ts'
import { joined, uint, uint16s, vector } from './bytes.ts'
import { clientHelloRecord, encodeClientHello, extensions } from './client-hello.ts'
import { describePrime, groups } from './groups.ts'
import { createRecordReader, plainRecord } from './records.ts'
import { createFlightReader, readServerHello } from './server-hello.ts'
import { readSsl2Hello, ssl2Hello } from './ssl2.ts'
import { olderSuites, suiteOf, tls13Suites } from './suites.ts'

const random = new Uint8Array(32).fill(7)

/** A flight of TLS 1.2 with one certificate and a curve. */
function flightBytes(suite = 0xc02f): Uint8Array {
  const message = (kind: number, ...body: readonly Uint8Array[]) => joined(uint(1, kind), vector(3, ...body))
  const hello = joined(uint(2, 0x0303), random, vector(1, random), uint16s([suite]), uint(1, 0), vector(2))
  const certificates = vector(3, vector(3, Uint8Array.of(1, 2, 3)))
  const exchange = joined(uint(1, 3), uint(2, 29), vector(1, random))
  const all = joined(message(2, hello), message(11, certificates), message(12, exchange), message(14))
  return plainRecord(22, 0x0303, all)
}

test('a flight is the same however it is cut into pieces', () => {
  const whole = createFlightReader().take(flightBytes())
  assert.equal(whole.complete, true)
  assert.deepEqual(whole.keyExchange, { kind: 'curve', group: 29 })
  assert.deepEqual(whole.certificates, [Uint8Array.of(1, 2, 3)])
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), sizes => {
      const reader = createFlightReader()
      const bytes = flightBytes()
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        reader.take(bytes.subarray(at, at + size))
        at += size
      }
      assert.deepEqual(reader.sofar(), whole)
    }),
  )
})

test('messages in many records are put together', () => {
  const content = flightBytes().subarray(5)
  const records = [...content].map(byte => plainRecord(22, 0x0303, Uint8Array.of(byte)))
  assert.deepEqual(createFlightReader().take(joined(...records)), createFlightReader().take(flightBytes()))
})

/** Runs a decoder; whatever comes in, it ends with a value or with ERR_REPLY_INVALID. */
function endsWell(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    assert.ok(isAppError(error, 'ERR_REPLY_INVALID'), String(error))
  }
}

const decoders: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  'a flight': bytes => createFlightReader().take(bytes),
  'a flight in a good record': bytes => createFlightReader().take(plainRecord(22, 0x0303, bytes)),
  'a ServerHello': readServerHello,
  'a hello of SSL 2': readSsl2Hello,
  records: bytes => createRecordReader().take(bytes),
}
for (const [name, decode] of Object.entries(decoders)) {
  test(`${name} of any bytes is read or refused`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => endsWell(() => decode(bytes))),
      { numRuns: 500 },
    )
  })
}

test('a flight with any byte changed, or cut off anywhere, is read or refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0xc02f, 0x009e, 0x0003, 0x00a8, 0x002f),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
      (suite, changes, cut) => {
        const bytes = flightBytes(suite)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        endsWell(() => createFlightReader().take(bytes.subarray(0, (cut % bytes.length) + 1)))
      },
    ),
    { numRuns: 2_000 },
  )
})

const refused = [
  { name: 'plain HTTP', bytes: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
  { name: 'a record that is too long', bytes: Buffer.of(22, 3, 3, 0xff, 0xff) },
  { name: 'a message that is too long', bytes: Buffer.of(22, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff) },
  { name: 'data before the handshake', bytes: Buffer.of(23, 3, 3, 0, 1, 0) },
  { name: 'a certificate before the hello', bytes: Buffer.of(22, 3, 3, 0, 4, 11, 0, 0, 0) },
]
for (const { name, bytes } of refused) {
  test(`${name} is refused`, () => {
    assert.throws(() => createFlightReader().take(bytes), { code: 'ERR_REPLY_INVALID' })
  })
}

test('a warning does not end a flight, a fatal alert does', () => {
  const reader = createFlightReader()
  assert.equal(reader.take(plainRecord(21, 0x0303, Uint8Array.of(1, 112))).complete, false)
  assert.equal(reader.take(flightBytes()).hello?.suite, 0xc02f)
  const fatal = createFlightReader().take(plainRecord(21, 0x0303, Uint8Array.of(2, 40)))
  assert.deepEqual(fatal.alert, { level: 2, description: 40 })
  assert.equal(fatal.complete, true)
})

const offer = { version: 0x0303, suites: [0xc02f], groups: [29], random, serverName: 'shop.example' }

test('a ClientHello never has the 256 to 511 bytes that some load balancers stumble over', () => {
  for (let count = 1; count < 250; count++) {
    const { length } = encodeClientHello({ ...offer, suites: Array.from({ length: count }, () => 0xc02f) })
    assert.ok(length < 256 || length > 511, `${count} suites make ${length} bytes`)
  }
})

test('in SSL 3 nothing follows the compression methods', () => {
  const hello = encodeClientHello({ ...offer, version: 0x0300 })
  assert.equal(hello.length, 4 + 2 + 32 + 1 + 2 + 4 + 2)
  assert.deepEqual([...clientHelloRecord({ ...offer, version: 0x0300 }).subarray(0, 3)], [22, 3, 0])
})

test('TLS 1.3 is offered by its extension and without a key, so that the server names the group', () => {
  const hello = Buffer.from(encodeClientHello({ ...offer, version: 0x0304 })).toString('hex')
  assert.ok(hello.includes('002b0003020304'))
  assert.ok(hello.includes('003300020000'))
  assert.equal(extensions.keyShare, 0x33)
})

test('the hello of SSL 2 has the length that its header says', () => {
  const hello = ssl2Hello(random.subarray(0, 16))
  assert.equal(((hello[0] ?? 0) & 0x7f) * 256 + (hello[1] ?? 0), hello.length - 2)
})

const suiteCases = [
  [0x1301, { keyExchange: 'tls13', forwardSecret: true, aead: true, bits: 128, cipher: 'good' }],
  [0x1303, { keyExchange: 'tls13', forwardSecret: true, aead: true, bits: 256 }],
  [0xc0b4, { cipher: 'null', aead: false, bits: 0 }],
  [0xc02f, { keyExchange: 'ecdhe', forwardSecret: true, aead: true, bits: 128 }],
  [0xcca8, { keyExchange: 'ecdhe', forwardSecret: true, aead: true, bits: 256 }],
  [0x009c, { keyExchange: 'rsa', forwardSecret: false, aead: true, bits: 128 }],
  [0x003d, { keyExchange: 'rsa', forwardSecret: false, aead: false, bits: 256 }],
  [0x003c, { bits: 128 }],
  [0x0039, { keyExchange: 'dhe', forwardSecret: true, aead: false, bits: 256 }],
  [0x0034, { keyExchange: 'dhe', anonymous: true, forwardSecret: false }],
  [0xc018, { keyExchange: 'ecdhe', anonymous: true, forwardSecret: false }],
  [0x000a, { cipher: '3des', bits: 112 }],
  [0x0005, { cipher: 'rc4', bits: 128 }],
  [0x0004, { cipher: 'rc4', md5: true }],
  [0x0003, { cipher: 'export', bits: 40 }],
  [0x0014, { cipher: 'export', keyExchange: 'dhe', forwardSecret: false, bits: 40 }],
  [0x0062, { cipher: 'export', bits: 56 }],
  [0x0009, { cipher: 'des', bits: 56 }],
  [0x0007, { cipher: 'idea', bits: 128 }],
  [0x0002, { cipher: 'null', bits: 0 }],
  [0x00a8, { preShared: true, forwardSecret: false }],
  [0xc09d, { aead: true, bits: 256 }],
] as const
for (const [id, expected] of suiteCases) {
  const suite = suiteOf(id)
  test(`${suite?.name} is told by its name`, () => {
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(suite?.[key as keyof typeof suite], value, key) // keys of the row above
    }
  })
}

test('every suite and every group is asked for exactly once', () => {
  assert.equal(new Set([...olderSuites, ...tls13Suites]).size, olderSuites.length + tls13Suites.length)
  assert.ok(olderSuites.length > 300)
  assert.equal(new Set(groups.map(({ id }) => id)).size, groups.length)
})

test('the primes of RFC 7919 are known again, others are measured', () => {
  const prime = ffdhe2048()
  assert.deepEqual(describePrime(prime), { bits: 2048, name: 'ffdhe2048' })
  assert.deepEqual(describePrime(joined(uint(1, 0), prime)), { bits: 2048, name: 'ffdhe2048' })
  assert.deepEqual(describePrime(Uint8Array.of(0x03, 0xff)), { bits: 10 })
  assert.deepEqual(describePrime(Uint8Array.of(0, 0)), { bits: 0 })
})

/** 2^2048 - 2^1984 + (floor(2^1918 e) + 560316) 2^64 - 1 (RFC 7919 appendix A.1). */
function ffdhe2048(): Uint8Array {
  const scale = 2_000n
  let e = 0n
  for (let term = 1n << scale, k = 1n; term > 0n; term /= k, k += 1n) e += term
  const value = (1n << 2048n) - (1n << 1984n) + (((e >> (scale - 1918n)) + 560_316n) << 64n) - 1n
  const bytes = new Uint8Array(Buffer.from(value.toString(16), 'hex'))
  assert.equal(createHash('sha256').update(bytes).digest().length, 32)
  return bytes
}
