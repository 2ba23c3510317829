/** What a person wants: the central type of the desired state. */
import type { Identifier } from '../acme/identifier.ts'
import { sha256Hex } from '../base/sha256.ts'
import type { Endpoint } from '../contracts/deployer.ts'
import type { SecretReference, UrlOrSecret } from '../contracts/secret.ts'
import type { Json } from '../contracts/solver.ts'
import type { ListenAddress } from '../runtime/network.ts'
import type { KeyType, SignatureAlgorithm } from '../x509/key-types.ts'
import type { LimitOverrides } from './limits/limit.ts'
import type { NotifierChoice } from './notify/choice.ts'
import { targetPlace } from './target-place.ts'

declare const specNameBrand: unique symbol

/** Name of a certificate entry; also the name of its directory below `live/`. Made by `parseSpecName` only. */
export type SpecName = string & { readonly [specNameBrand]: true }

/** Characters that are safe in a file name on every system; `_` stands where a wildcard's `*` was. */
const specNamePattern = /^[a-z0-9_](?:[a-z0-9._-]{0,198}[a-z0-9_])?$/

/** A {@link SpecName}, or `undefined` where the text cannot be one. */
export function parseSpecName(text: string): SpecName | undefined {
  return specNamePattern.test(text) && !text.includes('..') ? (text as SpecName) : undefined // just checked
}

/** The name that an entry gets when none is given: its first identifier, `*` written as `_`, `:` as `-`. */
export function defaultSpecName({ value }: Identifier): SpecName {
  const name = value.replace('*', '_').replaceAll(':', '-')
  return parseSpecName(name) ?? (`ip-${sha256Hex(value).slice(0, 16)}` as SpecName)
}

/** An ACME endpoint with what the configuration says about it. */
export type Authority = {
  /** Short and safe as a directory name; equal for equal directories. */
  readonly id: string
  /** Directory URL, or `embedded` for the CA inside this process. */
  readonly directory: string
  /** PEM file with the roots of the endpoint's own TLS certificate. */
  readonly trustFile?: string
  /** PEM file with the roots that issued chains must lead to. */
  readonly rootsFile?: string
  /** How accounts are registered there, where it differs from everywhere else. */
  readonly account?: AccountSettings
  /** Where its limits differ from those that it publishes. */
  readonly limits?: LimitOverrides
}

/** External account binding (RFC 8555 §7.3.4). */
export type ExternalAccount = {
  readonly keyId: string
  readonly hmacKey: SecretReference
  readonly algorithm: 'HS256' | 'HS384' | 'HS512'
}

/** How accounts are registered. */
export type AccountSettings = {
  readonly email?: string
  readonly agreeToTerms: boolean
  readonly keyAlgorithm: SignatureAlgorithm
  readonly externalAccount?: ExternalAccount
}

/** A solver by name with its options, as the registry takes it. */
export type SolverChoice = { readonly name: string; readonly options: Readonly<Record<string, Json>> }

/** A solver, and what it is for. Of several rules, the first that fits an identifier counts for it. */
export type SolverRule = SolverChoice & {
  /** Names and addresses; a wildcard fits itself and every name below it. Everything when absent. */
  readonly for?: readonly Identifier[]
}

/** A deployer by name with its options. */
export type DeployTarget = { readonly name: string; readonly options: Readonly<Record<string, Json>> }

/** The name under which a target's deployments are kept: with the server, directory or program that it is about. */
export function targetName({ name, options }: DeployTarget): string {
  const place = targetPlace(name, options)
  return place === undefined ? name : `${name} (${place})`
}

/** Equal for equal options. */
export function targetHash({ options }: DeployTarget): string {
  return sha256Hex(JSON.stringify(options))
}

/** A program and its arguments; no shell reads them. */
export type Command = readonly string[]

/** Programs that are run around an issuance, in order. */
export type Hooks = {
  /** Before a certificate is asked for. The first that fails stops it. */
  readonly before: readonly Command[]
  /** Once for each generation, when it has been delivered. */
  readonly after: readonly Command[]
  /** How long each may take. */
  readonly timeoutMs: number
}

/** When a certificate is due: with so much of its life, or so much time, left. */
export type RenewAt = { readonly share: number } | { readonly beforeMs: number }

/** What is known of renewal beforehand. */
export type RenewSettings = {
  /** A third of the life left, half of a short one, where absent. */
  readonly at?: RenewAt
  /** Renewals and the reloads that follow them happen only then; any time when empty. */
  readonly windows: readonly MaintenanceWindow[]
}

/** A span of the week, in local time: from `fromMinute` to `toMinute` of the days; past midnight when it ends before it begins. */
export type MaintenanceWindow = {
  /** 0 is Sunday. */
  readonly days: readonly number[]
  readonly fromMinute: number
  readonly toMinute: number
}

/** One certificate: what it must be, how to ask for it, where it goes. */
export type CertificateSpec = {
  readonly name: SpecName
  readonly identifiers: readonly Identifier[]
  readonly keyType: KeyType
  /** A request made elsewhere, for exactly the identifiers: its key is never seen, and `keyType` is that key's. */
  readonly csr?: {
    readonly der: Uint8Array
    /** SHA-256 of its SubjectPublicKeyInfo, lower-case hex. */
    readonly publicKeyHash: string
    /** Where it came from. */
    readonly file?: string
  }
  readonly reuseKey: boolean
  /** The certificate for the same names with the other kind of key, ECDSA or RSA. */
  readonly pair?: SpecName
  readonly authority: Authority
  /** Tried in this order when the first one cannot issue; a certificate from any of them is good enough. */
  readonly fallbacks: readonly Authority[]
  readonly profile?: string
  /** Among the chains that the CA offers: the root's common name, or the SHA-256 of a CA certificate or its public key. */
  readonly preferredChain?: string
  /** Asks for a certificate that clients refuse without an OCSP answer beside it (RFC 7633). */
  readonly mustStaple?: boolean
  /** How control over the identifiers is proven; see `solverChoiceFor`. */
  readonly solvers: readonly SolverRule[]
  readonly deploy: readonly DeployTarget[]
  readonly hooks?: Hooks
  readonly renew: RenewSettings
  /** The file that defines it. */
  readonly source: string
}

/** What is wanted beside certificates: of the daemon, and `metricsFile` of every run. */
export type DaemonSettings = {
  /** Where metrics are served. */
  readonly metrics?: ListenAddress
  /** The file that metrics are written to, absolute. */
  readonly metricsFile?: string
}

/** An endpoint that is looked at, whoever runs it. */
export type MonitoredEndpoint = {
  /** As it was written, with the name that is asked for where that was written too; it is its name. */
  readonly text: string
  readonly endpoint: Endpoint
  /** What it must show: the newest of this entry. */
  readonly certificate?: SpecName
  /** How long before its end a certificate should have been replaced. */
  readonly warnBeforeMs?: number
  /** PEM file with roots that are trusted beside those of this machine. */
  readonly rootsFile?: string
}

/** The whole desired state. */
export type Config = {
  readonly authority: Authority
  /** Every authority that the configuration describes. */
  readonly authorities: readonly Authority[]
  readonly account: AccountSettings
  /** DNS servers (`address[:port]`) for self-checks; the system's resolver when empty. */
  readonly resolvers: readonly string[]
  /** IANA name of the zone in which maintenance windows are meant; the machine's own when absent. */
  readonly timeZone?: string
  /** Who is told what came of a run. */
  readonly notify: readonly NotifierChoice[]
  /** The URL that is given a sign of life after each run. */
  readonly heartbeat?: UrlOrSecret
  readonly daemon: DaemonSettings
  /** Looked at beside those of the certificates. */
  readonly endpoints: readonly MonitoredEndpoint[]
  readonly certificates: readonly CertificateSpec[]
  /** Files that were read, in order. */
  readonly files: readonly string[]
}
