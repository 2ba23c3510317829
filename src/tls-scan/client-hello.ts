/** Writing a ClientHello (RFC 5246 §7.4.1.2, RFC 8446 §4.1.2). Pure. */
import { joined, uint, uint16s, vector } from './bytes.ts'
import { plainRecord, recordKinds } from './records.ts'
import { renegotiationScsv } from './suites.ts'
import { sslVersion3, tlsVersion10, tlsVersion12, tlsVersion13 } from './versions.ts'

/** Numbers of extensions that are sent or looked for. */
export const extensions = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  heartbeat: 15,
  applicationProtocols: 16,
  padding: 21,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  supportedVersions: 43,
  keyShare: 51,
  renegotiation: 0xff01,
} as const

/** RSA-PSS, RSA and ECDSA with SHA-512 to SHA-1, EdDSA, DSA (RFC 8446 §4.2.3), and what TLS 1.2 had besides. */
const allSignatures: readonly number[] = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
  0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602, 0x0203, 0x0201, 0x0202,
]
/** What a client offers. */
export type ClientHello = {
  /** The newest version that is spoken; TLS 1.3 is offered alone. */
  readonly version: number
  readonly suites: readonly number[]
  readonly groups: readonly number[]
  /** 32 bytes. */
  readonly random: Uint8Array
  /** A DNS name. */
  readonly serverName?: string | undefined
  /** Offer what there is besides: compression, heartbeat, tickets, stapling. */
  readonly curious?: boolean
  /** Protocols of the application (RFC 7301); some servers refuse those that they do not speak. */
  readonly applications?: readonly string[]
}

/** A handshake message of the given kind. */
export function handshakeMessage(kind: number, ...content: readonly Uint8Array[]): Uint8Array {
  return joined(uint(1, kind), vector(3, ...content))
}

/** The ClientHello as a handshake message. */
export function encodeClientHello(hello: ClientHello): Uint8Array {
  const { version, suites, random, curious = false } = hello
  // SSL 3 knows no extensions; the signal says the same (RFC 5746 §3.3).
  const old = version === sslVersion3
  const body = joined(
    uint(2, Math.min(version, tlsVersion12)),
    random,
    vector(1), // no session to resume
    vector(2, uint16s(old ? [...suites, renegotiationScsv] : suites)),
    vector(1, Uint8Array.from(curious ? [deflate, 0] : [0])),
  )
  if (old) return handshakeMessage(1, body)
  const offered = offeredExtensions(hello)
  const length = 4 + body.length + 2 + offered.length
  return handshakeMessage(1, body, vector(2, offered, padding(length)))
}

/** DEFLATE (RFC 3749), which CRIME is about. */
export const deflate = 1

/** The ClientHello in its record; what old servers expect to see there is the version of TLS 1.0. */
export function clientHelloRecord(hello: ClientHello): Uint8Array {
  return plainRecord(recordKinds.handshake, Math.min(hello.version, tlsVersion10), encodeClientHello(hello))
}

function offeredExtensions(hello: ClientHello): Uint8Array {
  const { version, groups, serverName, curious = false, applications = [] } = hello
  const newest = version === tlsVersion13
  return joined(
    ...(serverName === undefined ? [] : [extension(extensions.serverName, serverNames(serverName))]),
    ...(groups.length === 0 ? [] : [extension(extensions.supportedGroups, vector(2, uint16s(groups)))]),
    ...(newest
      ? [
          extension(extensions.supportedVersions, vector(1, uint(2, version))),
          // Without a key of ours the server names the group that it would like (RFC 8446 §4.1.4), and goes no further.
          extension(extensions.keyShare, vector(2)),
        ]
      : [
          extension(extensions.extendedMasterSecret), // not the last: some servers do not like an empty one there
          extension(extensions.pointFormats, vector(1, uint(1, 0))),
          extension(extensions.renegotiation, vector(1)),
        ]),
    ...(version >= tlsVersion12
      ? [extension(extensions.signatureAlgorithms, vector(2, uint16s(allSignatures)))]
      : []),
    ...(curious ? curiousExtensions() : []),
    ...(applications.length === 0
      ? []
      : [extension(extensions.applicationProtocols, applicationNames(applications))]),
  )
}

function curiousExtensions(): readonly Uint8Array[] {
  return [
    extension(extensions.statusRequest, uint(1, 1), vector(2), vector(2)),
    extension(extensions.sessionTicket),
    extension(extensions.encryptThenMac),
    // May the peer send heartbeats: it is only asked whether it knows the extension (RFC 6520 §2).
    extension(extensions.heartbeat, uint(1, 1)),
  ]
}

function applicationNames(names: readonly string[]): Uint8Array {
  return vector(2, ...names.map(name => vector(1, new Uint8Array(Buffer.from(name)))))
}

function serverNames(name: string): Uint8Array {
  return vector(2, uint(1, 0), vector(2, new Uint8Array(Buffer.from(name, 'latin1'))))
}

function extension(kind: number, ...content: readonly Uint8Array[]): Uint8Array {
  return joined(uint(2, kind), vector(2, ...content))
}

// Some load balancers take a hello of 256 to 511 bytes for SSL 2 (RFC 7685 §4).
function padding(length: number): Uint8Array {
  if (length < 256 || length > 511) return new Uint8Array()
  return extension(extensions.padding, new Uint8Array(Math.max(1, 512 - length - 4)))
}
