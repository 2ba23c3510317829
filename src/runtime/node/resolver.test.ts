import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { ipAddressBytes, parseIpAddress } from '../../acme/identifier.ts'
import { nodeResolver } from './resolver.ts'

describe('node resolver', () => {
  for (const [kind, resolver] of [
    ['of the system', nodeResolver()],
    ['of given servers', nodeResolver({ dnsServers: ['127.0.0.1:1'] })],
  ] as const) {
    it(`${kind} knows addresses and localhost without asking`, async () => {
      assert.deepEqual(await resolver.addresses('192.0.2.1'), ['192.0.2.1'])
      assert.deepEqual(await resolver.addresses('2001:db8::1'), ['2001:db8::1'])
      assert.deepEqual(await resolver.addresses('localhost'), ['::1', '127.0.0.1'])
      assert.deepEqual(await resolver.addresses('a.localhost.'), ['::1', '127.0.0.1'])
    })
  }

  const cases = [
    { name: 'both.test', expected: ['2001:db8::1', '192.0.2.1', '192.0.2.2'] },
    { name: 'ipv4.test', expected: ['192.0.2.1'] },
    { name: 'ipv4.test.', expected: ['192.0.2.1'] },
    { name: 'empty.test', expected: [] },
    { name: 'none.test', expected: [] },
    { name: 'half.test', expected: ['192.0.2.1'] },
  ]
  for (const { name, expected } of cases) {
    it(`finds ${expected.length} addresses of ${name} at a given server`, async () => {
      await using server = await dnsServer()
      const resolver = nodeResolver({ dnsServers: [server.address] })
      assert.deepEqual(await resolver.addresses(name), expected)
    })
  }

  it('tells a failure from an empty answer', async () => {
    await using server = await dnsServer()
    const resolver = nodeResolver({ dnsServers: [server.address] })
    await assert.rejects(resolver.addresses('broken.test'), { code: 'ERR_NETWORK', message: /SERVFAIL/ })
    await assert.rejects(resolver.addresses('half-empty.test'), { code: 'ERR_NETWORK', message: /SERVFAIL/ })
    await assert.rejects(resolver.addresses('refused.test'), { code: 'ERR_NETWORK', message: /REFUSED/ })
  })

  it('gives up on a server that is silent', async () => {
    await using server = await dnsServer()
    const resolver = nodeResolver({ dnsServers: [server.address], timeoutMs: 100 })
    await assert.rejects(resolver.addresses('silent.test'), { code: 'ERR_TIMEOUT' })
  })

  it('stops waiting when it is cancelled', async () => {
    await using server = await dnsServer()
    const resolver = nodeResolver({ dnsServers: [server.address] })
    const controller = new AbortController()
    const looking = resolver.addresses('silent.test', { signal: controller.signal })
    await server.asked
    controller.abort()
    await assert.rejects(looking, { code: 'ERR_ABORTED' })
    await assert.rejects(resolver.addresses('ipv4.test', { signal: AbortSignal.abort() }), {
      code: 'ERR_ABORTED',
    })
  })
})

/** Answers by record type: addresses, or a response code; `undefined` is silence. */
type Zone = Readonly<Record<'A' | 'AAAA', readonly string[] | number | undefined>>

const serverFailure = 2
const noSuchName = 3
const refused = 5
const zones: Readonly<Record<string, Zone>> = {
  'both.test': { A: ['192.0.2.1', '192.0.2.2'], AAAA: ['2001:db8::1'] },
  'ipv4.test': { A: ['192.0.2.1'], AAAA: [] },
  'empty.test': { A: [], AAAA: [] },
  'none.test': { A: noSuchName, AAAA: noSuchName },
  'half.test': { A: ['192.0.2.1'], AAAA: serverFailure },
  'half-empty.test': { A: [], AAAA: serverFailure },
  'broken.test': { A: serverFailure, AAAA: serverFailure },
  'refused.test': { A: refused, AAAA: refused },
  'silent.test': { A: undefined, AAAA: undefined },
}

/** A DNS server on loopback that knows `zones` (RFC 1035 §4). */
async function dnsServer(): Promise<
  AsyncDisposable & { readonly address: string; readonly asked: Promise<unknown> }
> {
  const socket = createSocket('udp4')
  const asked = once(socket, 'message')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    const answer = zones[name]?.[type]
    if (answer !== undefined) socket.send(encodeAnswer(query.subarray(0, end), answer), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}

const headerBytes = 12

function readQuestion(query: Buffer): {
  readonly name: string
  readonly type: 'A' | 'AAAA'
  readonly end: number
} {
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const type = query.readUInt16BE(at + 1) === 1 ? 'A' : 'AAAA'
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 } // the root label, the type and the class
}

function encodeAnswer(question: Buffer, answer: readonly string[] | number): Buffer {
  const addresses = typeof answer === 'number' ? [] : answer
  const reply = Buffer.from(question)
  reply.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : 0), 2) // a response, recursion available
  reply.writeUInt16BE(addresses.length, 6)
  reply.writeUInt32BE(0, 8) // neither authority nor additional records
  return Buffer.concat([reply, ...addresses.map(encodeRecord)])
}

function encodeRecord(address: string): Buffer {
  const bytes = ipAddressBytes(parseIpAddress(address) ?? '')
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc000 | headerBytes, 0) // the name of the question
  record.writeUInt16BE(bytes.length === 4 ? 1 : 28, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([record, bytes])
}
