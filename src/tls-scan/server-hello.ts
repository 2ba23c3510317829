/** Reading what a server answers before anything is encrypted (RFC 5246 §7.4, RFC 8446 §4.1.3). Pure. */
import { joined, malformedTls, readBytes } from './bytes.ts'
import { extensions } from './client-hello.ts'
import { type DhPrime, describePrime } from './groups.ts'
import { createRecordReader, recordKinds } from './records.ts'
import { type CipherSuite, suiteOf } from './suites.ts'
import { tlsVersion12 } from './versions.ts'

/** A ServerHello, or a HelloRetryRequest, which looks like one. */
export type ServerHello = {
  /** What was agreed on, also where an extension says it. */
  readonly version: number
  readonly suite: number
  readonly compression: number
  /** Whether the server gave the session a name by which it may be resumed. */
  readonly namesSession: boolean
  /** Numbers of the extensions in it. */
  readonly extensions: readonly number[]
  /** The group that is used, or asked for, in TLS 1.3. */
  readonly group?: number
  /** What was chosen of the protocols of the application. */
  readonly application?: string
  /** Whether the server wants another ClientHello, with a key for `group`. */
  readonly retry: boolean
}

/** What a ServerKeyExchange shows: the curve, or the prime, or an RSA key made for the occasion (export suites). */
export type KeyExchange =
  | { readonly kind: 'curve'; readonly group: number | undefined }
  | { readonly kind: 'prime'; readonly prime: DhPrime }
  | { readonly kind: 'rsa'; readonly bits: number }

/** An alert; level 1 is a warning. */
export type Alert = { readonly level: number; readonly description: number }

/** The random of a ServerHello that is a HelloRetryRequest: SHA-256 of those words (RFC 8446 §4.1.3). */
const retryRandom = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

/**
 * Reads the body of a ServerHello.
 * @throws AppError ERR_REPLY_INVALID
 */
export function readServerHello(body: Uint8Array): ServerHello {
  const reader = readBytes(body, 'a ServerHello')
  const legacyVersion = reader.uint(2)
  const random = reader.bytes(32)
  const session = reader.vector(1)
  const suite = reader.uint(2)
  const compression = reader.uint(1)
  const found = reader.left() === 0 ? new Map<number, Uint8Array>() : readExtensions(reader.vector(2).rest())
  const newer = found.get(extensions.supportedVersions)
  const retry = Buffer.from(random).toString('hex') === retryRandom
  return {
    version: newer === undefined ? legacyVersion : readBytes(newer, 'supported_versions').uint(2),
    suite,
    compression,
    namesSession: session.left() > 0,
    extensions: [...found.keys()],
    ...readGroup(found.get(extensions.keyShare)),
    ...readApplication(found.get(extensions.applicationProtocols)),
    retry,
  }
}

function readGroup(data: Uint8Array | undefined): Pick<ServerHello, 'group'> {
  return data === undefined ? {} : { group: readBytes(data, 'key_share').uint(2) }
}

/** The one protocol that a server chose (RFC 7301 §3.1). */
function readApplication(data: Uint8Array | undefined): Pick<ServerHello, 'application'> {
  if (data === undefined) return {}
  const name = readBytes(data, 'the protocol of the application').vector(2).vector(1).rest()
  return { application: Buffer.from(name).toString('latin1') }
}

/** Extensions by their numbers. */
function readExtensions(data: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const reader = readBytes(data, 'a list of extensions')
  const found = new Map<number, Uint8Array>()
  while (reader.left() > 0) found.set(reader.uint(2), reader.vector(2).rest())
  return found
}

/** The most certificates that are looked at; servers send two to four. */
const maxCertificates = 20

/** DER of the certificates as they were sent, up to TLS 1.2. */
function readCertificates(body: Uint8Array): readonly Uint8Array[] {
  const list = readBytes(body, 'a list of certificates').vector(3)
  const certificates: Uint8Array[] = []
  while (list.left() > 0) {
    certificates.push(list.vector(3).rest())
    if (certificates.length > maxCertificates)
      throw malformedTls(`there are more than ${maxCertificates} certificates`)
  }
  return certificates
}

const namedCurve = 3 // RFC 8422 §5.4

/** What a ServerKeyExchange of a suite says; `undefined` for suites whose message says nothing about sizes. */
function readKeyExchange(body: Uint8Array, suite: CipherSuite): KeyExchange | undefined {
  const reader = readBytes(body, 'a key exchange')
  if (suite.preShared && suite.keyExchange !== 'other') reader.vector(2) // a hint about the shared key
  if (suite.keyExchange === 'ecdhe') {
    return { kind: 'curve', group: reader.uint(1) === namedCurve ? reader.uint(2) : undefined }
  }
  if (suite.keyExchange === 'dhe') return { kind: 'prime', prime: describePrime(reader.vector(2).rest()) }
  if (suite.keyExchange === 'rsa') return { kind: 'rsa', bits: describePrime(reader.vector(2).rest()).bits }
  return undefined
}

/** What a server said, up to where it waits for the client or encrypts. */
export type Flight = {
  readonly hello?: ServerHello
  readonly certificates: readonly Uint8Array[]
  readonly keyExchange?: KeyExchange
  /** Whether it sent an answer of OCSP along. */
  readonly stapled: boolean
  /** The last fatal alert, or the first warning where nothing else came. */
  readonly alert?: Alert
  /** Whether nothing more will come. */
  readonly complete: boolean
}

const silence: Flight = { certificates: [], stapled: false, complete: false }

/** Takes the bytes of one server, in pieces as they come. */
export type FlightReader = {
  /**
   * What was said so far, with these bytes.
   * @throws AppError ERR_REPLY_INVALID
   */
  readonly take: (bytes: Uint8Array) => Flight
  readonly sofar: () => Flight
}

/** A chain of ten large certificates fits several times. */
const largestMessage = 128 * 1024

/** A reader of plain records; those after a ServerHello of TLS 1.3 are not looked at. */
export function createFlightReader(): FlightReader {
  const records = createRecordReader()
  let flight = silence
  let messages = new Uint8Array()

  const takeMessages = (): void => {
    while (messages.length >= 4 && !flight.complete) {
      const reader = readBytes(messages, 'a handshake message')
      const kind = reader.uint(1)
      const length = reader.uint(3)
      if (length > largestMessage) throw malformedTls(`a handshake message has ${length} bytes`)
      if (reader.left() < length) return
      flight = withMessage(flight, kind, reader.bytes(length))
      messages = new Uint8Array(reader.rest())
    }
  }
  return {
    sofar: () => flight,
    take: bytes => {
      for (const { kind, content } of records.take(bytes)) {
        if (flight.complete) break
        if (kind === recordKinds.alert) flight = withAlert(flight, content)
        else if (kind === recordKinds.handshake) {
          messages = new Uint8Array(joined(messages, content))
          takeMessages()
        } else throw malformedTls(`a record of kind ${kind} came before the handshake was over`)
      }
      return flight
    },
  }
}

function withAlert(flight: Flight, content: Uint8Array): Flight {
  const reader = readBytes(content, 'an alert')
  const alert = { level: reader.uint(1), description: reader.uint(1) }
  // A warning, such as that the name is not known, may be followed by a hello.
  if (alert.level === 1 && alert.description !== closeNotify) return { alert, ...flight }
  return { ...flight, alert, complete: true }
}

const closeNotify = 0

function withMessage(flight: Flight, kind: number, body: Uint8Array): Flight {
  if (flight.hello === undefined) {
    if (kind === 0) return flight // HelloRequest
    if (kind !== 2) throw malformedTls(`a handshake message of kind ${kind} came before the ServerHello`)
    const hello = readServerHello(body)
    return { ...flight, hello, complete: hello.version > tlsVersion12 }
  }
  const { hello } = flight
  if (kind === 11) return { ...flight, certificates: readCertificates(body) }
  if (kind === 22) return { ...flight, stapled: true }
  if (kind === 14) return { ...flight, complete: true }
  const suite = suiteOf(hello.suite)
  if (kind !== 12 || suite === undefined) return flight
  const keyExchange = readKeyExchange(body, suite)
  return { ...flight, ...(keyExchange !== undefined && { keyExchange }) }
}
