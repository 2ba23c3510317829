/** A TLS server that says hello and no more: it agrees to what its policy has, so that scans can be tried on anything. */
import type { ConnectRaw } from '../runtime/raw-connection.ts'

/** What the server agrees to. */
export type TlsPolicy = {
  /** Suites by version (0x0300 to 0x0304), the server's favourite first. */
  readonly suites: Readonly<Record<number, readonly number[]>>
  /** Whether it is the server that chooses. */
  readonly serverOrder?: boolean
  readonly groups?: readonly number[]
  /** DER, leaf first, as they are sent up to TLS 1.2. */
  readonly chain?: readonly Uint8Array[]
  /** Of DHE suites. */
  readonly prime?: Uint8Array
  /** Of export suites with RSA. */
  readonly exportModulus?: Uint8Array
  /** Numbers of extensions that are answered when offered; others are not known. */
  readonly extensions?: readonly number[]
  readonly compression?: boolean
  /** Numbers of extensions that it refuses a handshake for. */
  readonly dislikes?: readonly number[]
  readonly fallbackSignal?: boolean
  /** Ciphers of SSL 2, three bytes each. */
  readonly ssl2?: readonly number[]
}

/** What was offered. */
type Offered = {
  readonly version: number
  readonly suites: readonly number[]
  readonly compressions: readonly number[]
  readonly extensions: ReadonlyMap<number, Buffer>
}

/** Connections to such a server. */
export function fakeTlsServer(policy: TlsPolicy): ConnectRaw {
  return answeringWith(hello => answerTo(hello, policy))
}

/** Connections to a server that answers the first bytes by a function; nothing more, and it hangs up. */
export function answeringWith(answer: (hello: Buffer) => Uint8Array): ConnectRaw {
  return async () => {
    let reply: Uint8Array | undefined
    return {
      send: bytes => {
        reply = answer(Buffer.from(bytes))
      },
      receive: async () => {
        const now = reply
        reply = undefined
        return now === undefined || now.length === 0 ? undefined : now
      },
      [Symbol.dispose]: () => {},
    }
  }
}

const handshakeFailure = 40
const protocolVersion = 70
const inappropriateFallback = 86
const noApplicationProtocol = 120

function answerTo(data: Buffer, policy: TlsPolicy): Buffer {
  if ((data[0] ?? 0) & 0x80) return answerToSsl2(policy)
  const offered = readClientHello(data.subarray(5))
  if (policy.dislikes?.some(kind => offered.extensions.has(kind))) return alert(noApplicationProtocol)
  const newest = Math.max(...Object.keys(policy.suites).map(Number))
  const version = Math.max(
    ...Object.keys(policy.suites)
      .map(Number)
      .filter(one => (offered.extensions.has(43) ? one === 0x0304 : one <= offered.version)),
  )
  const mine = policy.suites[version]
  if (mine === undefined) return alert(protocolVersion)
  if (policy.fallbackSignal === true && offered.suites.includes(0x5600) && version < newest)
    return alert(inappropriateFallback)
  const choices = policy.serverOrder === true ? mine : offered.suites
  const suite = choices.find(id => mine.includes(id) && offered.suites.includes(id))
  if (suite === undefined) return alert(handshakeFailure)
  const groups = vectorOf(offered.extensions.get(10))
  const group = groups.find(id => policy.groups?.includes(id))
  if (version === 0x0304) {
    if (group === undefined) return alert(handshakeFailure)
    return record(22, message(2, helloRetry(suite, group)))
  }
  return olderFlight({ offered, version, suite, group }, policy)
}

type Chosen = {
  readonly offered: Offered
  readonly version: number
  readonly suite: number
  readonly group: number | undefined
}

/** Suites whose key exchange needs a message of its own, as far as the tests use them. */
const ecdhe = new Set([0xc013, 0xc014, 0xc02b, 0xc02c, 0xc02f, 0xc030])
const dhe = new Set([0x0033, 0x0039, 0x009e, 0x009f])
const exported = new Set([0x0003, 0x0008])

function olderFlight({ offered, version, suite, group }: Chosen, policy: TlsPolicy): Buffer {
  if (ecdhe.has(suite) && group === undefined) return alert(handshakeFailure)
  const known = (policy.extensions ?? []).filter(
    kind => offered.extensions.has(kind) || (kind === 0xff01 && offered.suites.includes(0x00ff)),
  )
  const extensions = Buffer.concat(
    known.map(kind => Buffer.concat([u16(kind), sized(2, kind === 0xff01 ? Buffer.of(0) : Buffer.of())])),
  )
  const compression = policy.compression === true && offered.compressions.includes(1) ? 1 : 0
  const hello = Buffer.concat([
    u16(version),
    Buffer.alloc(32, 7),
    sized(1, Buffer.alloc(32, 9)),
    u16(suite),
    Buffer.of(compression),
    ...(extensions.length === 0 ? [] : [sized(2, extensions)]),
  ])
  const chain = Buffer.concat((policy.chain ?? []).map(der => sized(3, Buffer.from(der))))
  const exchange = ecdhe.has(suite)
    ? Buffer.concat([Buffer.of(3), u16(group ?? 0), sized(1, Buffer.alloc(32, 1))])
    : dhe.has(suite)
      ? Buffer.concat([
          sized(2, Buffer.from(policy.prime ?? [])),
          sized(2, Buffer.of(2)),
          sized(2, Buffer.of(3)),
        ])
      : exported.has(suite)
        ? Buffer.concat([sized(2, Buffer.from(policy.exportModulus ?? [])), sized(2, Buffer.of(3))])
        : undefined
  return record(
    22,
    Buffer.concat([
      message(2, hello),
      message(11, sized(3, chain)),
      ...(exchange === undefined ? [] : [message(12, exchange)]),
      message(14, Buffer.of()),
    ]),
  )
}

function helloRetry(suite: number, group: number): Buffer {
  const random = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')
  const versions = Buffer.concat([u16(43), sized(2, u16(0x0304))])
  const share = Buffer.concat([u16(51), sized(2, u16(group))])
  const extensions = sized(2, Buffer.concat([versions, share]))
  return Buffer.concat([u16(0x0303), random, Buffer.of(0), u16(suite), Buffer.of(0), extensions])
}

function answerToSsl2({ ssl2 = [] }: TlsPolicy): Buffer {
  if (ssl2.length === 0) return Buffer.of()
  const specs = Buffer.concat(ssl2.map(id => Buffer.of(id >> 16, (id >> 8) & 255, id & 255)))
  const lengths = Buffer.concat([u16(0), u16(specs.length), u16(16)])
  const body = Buffer.concat([Buffer.of(4, 0, 1), u16(2), lengths, specs, Buffer.alloc(16)])
  return Buffer.concat([u16(0x8000 | body.length), body])
}

function readClientHello(data: Buffer): Offered {
  let at = 4
  const take = (length: number): Buffer => data.subarray(at, (at += length))
  const list = (lengthBytes: number): Buffer => take(take(lengthBytes).readUIntBE(0, lengthBytes))
  const version = take(2).readUInt16BE()
  take(32)
  list(1)
  const suites = numbersOf(list(2))
  const compressions = [...list(1)]
  const extensions = new Map<number, Buffer>()
  if (at < data.length) {
    take(2) // they are the last
    for (let left = data.length - at; left > 0; left = data.length - at)
      extensions.set(take(2).readUInt16BE(), list(2))
  }
  return { version, suites, compressions, extensions }
}

function vectorOf(data: Buffer | undefined): readonly number[] {
  return data === undefined ? [] : numbersOf(data.subarray(2))
}

function numbersOf(data: Buffer): readonly number[] {
  return Array.from({ length: data.length / 2 }, (_, index) => data.readUInt16BE(2 * index))
}

function alert(description: number): Buffer {
  return record(21, Buffer.of(2, description))
}

function record(kind: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(kind, 3, 3), sized(2, content)])
}

function message(kind: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(kind), sized(3, content)])
}

function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(content.length, 0, lengthBytes)
  return Buffer.concat([length, content])
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}
