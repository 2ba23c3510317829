/** What a scan is of, and what it finds. */
import type { StartTls } from '../runtime/network.ts'
import type { DhPrime, Group } from './groups.ts'
import type { CipherSuite } from './suites.ts'
import type { ProtocolName } from './versions.ts'

/** What is scanned. */
export type ScanTarget = {
  readonly host: string
  /** The address that every connection goes to. */
  readonly address: string
  readonly port: number
  /** SNI; a DNS name. */
  readonly serverName?: string | undefined
  readonly startTls?: StartTls | undefined
}

/** What a server agrees to in one protocol. */
export type ProtocolScan = {
  readonly name: ProtocolName
  readonly offered: boolean
  /** In the order in which the server takes them, where it has one. */
  readonly suites: readonly CipherSuite[]
  /** Ciphers of SSL 2, which have names of their own. */
  readonly oldCiphers: readonly string[]
  /** Who decides which suite is taken; `undefined` where there is only one. */
  readonly order: 'server' | 'client' | undefined
  /** Groups for (EC)DHE; of TLS 1.2 and older asked for only in the newest one. */
  readonly groups: readonly Group[]
}

/** Certificates as they were sent, leaf first as far as the server goes about it rightly. */
export type SentChain = readonly Uint8Array[]

/** Everything that was seen. */
export type TlsScan = {
  readonly protocols: readonly ProtocolScan[]
  readonly chains: readonly SentChain[]
  /** Primes of DHE suites in TLS 1.2 and older. */
  readonly primes: readonly DhPrime[]
  /** Sizes of RSA keys that were made for export suites. */
  readonly exportKeyBits: readonly number[]
  /** What only TLS 1.2 and older have; `undefined` where they are not offered. */
  readonly older: OlderFeatures | undefined
  /** How many connections were made. */
  readonly connections: number
}

/** Features that went away with TLS 1.3. */
export type OlderFeatures = {
  readonly secureRenegotiation: boolean
  readonly compression: boolean
  readonly heartbeat: boolean
  readonly sessionTickets: boolean
  readonly sessionNames: boolean
  readonly extendedMasterSecret: boolean
  readonly encryptThenMac: boolean
  /** Whether an answer of OCSP comes along. */
  readonly stapling: boolean
  /** What the server chose for HTTP: `h2` or `http/1.1`. */
  readonly application?: string
  /** Whether a client that fell back from a newer protocol is told; `undefined` with only one protocol. */
  readonly fallbackSignal: boolean | undefined
}

/** Protocols of the application that are asked for. */
export const httpNames = ['h2', 'http/1.1'] as const
