import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, it } from 'node:test'
import type { DnsRecordType } from '../dns.ts'
import { nodeDns } from './dns.ts'

describe('node dns', () => {
  const found: readonly {
    readonly type: DnsRecordType
    readonly data: Buffer
    readonly expected: unknown
  }[] = [
    { type: 'A', data: Buffer.of(192, 0, 2, 1), expected: '192.0.2.1' },
    {
      type: 'AAAA',
      data: Buffer.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      expected: '2001:db8::1',
    },
    { type: 'CNAME', data: domain('Other.Test'), expected: 'other.test' },
    { type: 'NS', data: domain('ns1.TEST'), expected: 'ns1.test' },
    {
      type: 'SOA',
      data: Buffer.concat([domain('ns1.test'), domain('admin.test'), Buffer.alloc(20, 1)]),
      expected: 'ns1.test',
    },
    {
      type: 'CAA',
      data: caa(128, 'Issue', 'ca.test; accounturi=https://ca.test/1'),
      expected: { flags: 128, tag: 'issue', value: 'ca.test; accounturi=https://ca.test/1' },
    },
    { type: 'CAA', data: caa(0, 'novelty', 'x'), expected: { flags: 0, tag: 'novelty', value: 'x' } },
  ]
  for (const { type, data, expected } of found) {
    it(`reads ${type} records: ${JSON.stringify(expected)}`, async () => {
      await using server = await dnsServer(() => ({ type, records: [data] }))
      const dns = nodeDns({ dnsServers: [server.address] })
      assert.deepEqual(await dns({ name: 'a.test', type }), [expected])
    })
  }

  it('asks the server that is named in the question, not the configured one', async () => {
    await using server = await dnsServer(() => ({ type: 'A', records: [Buffer.of(192, 0, 2, 7)] }))
    const dns = nodeDns({ dnsServers: ['127.0.0.1:1'] })
    assert.deepEqual(await dns({ name: 'a.test', type: 'A', server: server.address }), ['192.0.2.7'])
  })

  it('asks over TCP where the answer is cut off', async () => {
    await using server = await dnsServer(over => {
      if (over === 'udp') return { type: 'A', records: [], truncated: true }
      return { type: 'A', records: [Buffer.of(192, 0, 2, 8), Buffer.of(192, 0, 2, 9)] }
    })
    const dns = nodeDns()
    const records = await dns({ name: 'a.test', type: 'A', server: server.address })
    assert.deepEqual(records, ['192.0.2.8', '192.0.2.9'])
  })

  for (const [code, name] of [
    [0, 'no record'],
    [3, 'no such name'],
  ] as const) {
    it(`takes "${name}" for an empty answer`, async () => {
      await using server = await dnsServer(() => ({ type: 'CAA', records: [], code }))
      assert.deepEqual(await nodeDns()({ name: 'a.test', type: 'CAA', server: server.address }), [])
    })
  }

  for (const [code, message] of [
    [2, /SERVFAIL/],
    [4, /NOTIMP/],
    [5, /REFUSED/],
  ] as const) {
    it(`says ${message.source}`, async () => {
      await using server = await dnsServer(() => ({ type: 'CAA', records: [], code }))
      const asking = nodeDns()({ name: 'a.test', type: 'CAA', server: server.address })
      await assert.rejects(asking, { code: 'ERR_NETWORK', message })
    })
  }

  it('gives up on a server that is silent, and stops when it is cancelled', async () => {
    await using server = await dnsServer(() => undefined)
    const question = { name: 'a.test', type: 'A', server: server.address } as const
    await assert.rejects(nodeDns({ timeoutMs: 100 })(question), { code: 'ERR_TIMEOUT' })
    const stopped = nodeDns()(question, { signal: AbortSignal.timeout(20) })
    await assert.rejects(stopped, { code: 'ERR_ABORTED' })
  })
})

type Answer = {
  readonly type: DnsRecordType
  readonly records: readonly Buffer[]
  readonly code?: number
  readonly truncated?: boolean
}

const typeNumbers: Readonly<Record<DnsRecordType, number>> = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, AAAA: 28, CAA: 257 },
}

/** Answers every question the same way, over UDP and TCP (RFC 1035 §4). */
async function dnsServer(
  answer: (over: 'udp' | 'tcp') => Answer | undefined,
): Promise<AsyncDisposable & { readonly address: string }> {
  const tcp: Server = createServer(connection => {
    connection.on('error', () => {}) // the client closes as it likes
    connection.once('data', (framed: Buffer) => {
      const given = answer('tcp')
      if (given === undefined) return
      const reply = encode(framed.subarray(2), given)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(reply.length)
      connection.end(Buffer.concat([length, reply]))
    })
  })
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo // it listens on a port
  const udp = createSocket('udp4')
  udp.on('message', (query, client) => {
    const given = answer('udp')
    if (given !== undefined) udp.send(encode(query, given), client.port, client.address)
  })
  udp.bind(port, '127.0.0.1')
  await once(udp, 'listening')
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      udp.close()
      tcp.close()
      await once(tcp, 'close')
    },
  }
}

const headerBytes = 12

function encode(query: Buffer, { type, records, code = 0, truncated = false }: Answer): Buffer {
  const end = query.indexOf(0, headerBytes) + 5 // the root label, the type and the class
  const reply = Buffer.from(query.subarray(0, end))
  reply.writeUInt16BE(0x8580 | (truncated ? 0x0200 : 0) | code, 2)
  reply.writeUInt16BE(records.length, 6)
  reply.writeUInt32BE(0, 8) // neither authority nor additional records
  return Buffer.concat([reply, ...records.flatMap(data => [recordHead(type, data.length), data])])
}

function recordHead(type: DnsRecordType, length: number): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc000 | headerBytes, 0) // the name of the question
  head.writeUInt16BE(typeNumbers[type], 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(length, 10)
  return head
}

function domain(name: string): Buffer {
  const labels = name.split('.').map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([...labels, Buffer.of(0)])
}

function caa(flags: number, tag: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(flags, tag.length), Buffer.from(tag), Buffer.from(value)])
}
