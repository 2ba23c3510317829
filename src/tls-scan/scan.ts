/**
 * Looking at everything that a TLS server agrees to, by offering and taking away: one ClientHello for each question, and
 * no handshake is ever finished.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mapConcurrently } from '../base/concurrent.ts'
import { formatDuration } from '../base/duration.ts'
import { AppError, isAppError } from '../base/errors.ts'
import { minuteMs } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { KeyKind, StartTls } from '../runtime/network.ts'
import type { RawTarget } from '../runtime/raw-connection.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Answer, askHello, askSsl2, type Way } from './ask.ts'
import { type ClientHello, deflate, extensions } from './client-hello.ts'
import { type DhPrime, type Group, groupOf, groups } from './groups.ts'
import type { ServerHello } from './server-hello.ts'
import { type CipherSuite, fallbackScsv, olderSuites, suiteOf, tls13Suites } from './suites.ts'
import { type ProtocolName, protocolNames, tlsVersion13, versionNumbers } from './versions.ts'

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

type ScanRuntime = Pick<Runtime, 'connectRaw' | 'probeTls' | 'clock'>
type ScanOptions = {
  readonly signal: AbortSignal
  /** For one connection; the default is 5 s, with a dialogue before TLS 12 s. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 5_000
/** Mail servers keep those who call waiting on purpose: Postfix' postscreen for 6 s. */
const dialogueTimeoutMs = 12_000
/** A chain of ten large certificates fits twice. */
const maxAnswerBytes = 256 * 1024
/** Offered at once; some old servers take no more than 128 suites. */
const suitesAtOnce = 100
/** Connections at a time: a scan is not to look like an attack. Mail servers take few from one client. */
const atOnce = { direct: 4, startTls: 1 } as const
/** Five protocols with sixty suites each, asked for twice. */
const maxConnections = 800
/** For all of it: a server that takes a second for each of a few hundred connections is slow, and not yet hostile. */
const maxScanMs = 10 * minuteMs
/** Before a connection that failed in the middle is tried again, each time longer: some servers want to be left alone. */
const retryAfterMs = [300, 1_000, 3_000] as const
const inappropriateFallback = 86 // RFC 7507 §3

/**
 * Scans one server.
 * @throws AppError ERR_NETWORK when it cannot be reached, stops answering, or speaks no TLS; ERR_TIMEOUT, ERR_STARTTLS,
 * ERR_ABORTED
 */
export async function scanTls(
  target: ScanTarget,
  { signal, timeoutMs }: ScanOptions,
  runtime: ScanRuntime,
): Promise<TlsScan> {
  const defaultMs = target.startTls === undefined ? defaultTimeoutMs : dialogueTimeoutMs
  const limits = { timeoutMs: timeoutMs ?? defaultMs, maxBytes: maxAnswerBytes, signal }
  const { address, port, startTls, serverName = target.host } = target
  const rawTarget: RawTarget = { host: address, port, startTls, serverName }
  const asker = createAsker(target, { target: rawTarget, limits, connect: runtime.connectRaw }, runtime)

  const oldest = await scanSsl2(asker)
  const names = protocolNames.slice(1)
  const width = startTls === undefined ? atOnce.direct : atOnce.startTls
  const scanned = await mapConcurrently(names, width, name => scanProtocol(name, asker))
  const protocols = await withGroups([oldest, ...scanned], { asker, width })
  if (protocols.every(({ offered }) => !offered)) throw asker.speechless()
  const older = await scanOlder(protocols, asker)
  if (protocols.some(({ name, offered }) => offered && name === 'TLSv1.3'))
    await lookAtCertificates(target, { asker, signal }, runtime)
  return { protocols, older, ...asker.seen() }
}

type Seen = Pick<TlsScan, 'chains' | 'primes' | 'exportKeyBits' | 'connections'>
type Offer = Omit<ClientHello, 'random' | 'serverName'>

/** Asks, and remembers what is in every answer. */
type Asker = {
  readonly ask: (offer: Offer) => Promise<Answer>
  readonly askSsl2: () => Promise<readonly string[]>
  readonly keepChain: (chain: SentChain) => void
  readonly seen: () => Seen
  /** Why a server with which no protocol was agreed on cannot be graded. */
  readonly speechless: () => AppError
}

function createAsker(target: ScanTarget, way: Way, { clock }: ScanRuntime): Asker {
  const chains = new Map<string, SentChain>()
  const primes = new Map<string, DhPrime>()
  const exportKeyBits = new Set<number>()
  const alerts = new Set<number>()
  const begin = clock.monotonic()
  let spokeTls = false
  let connections = 0

  const keepChain = (chain: SentChain): void => {
    if (chain.length > 0) chains.set(digestOf(chain), chain)
  }
  const keep = ({ flight }: Answer): void => {
    spokeTls ||= flight.hello !== undefined || flight.alert !== undefined
    if (flight.alert !== undefined) alerts.add(flight.alert.description)
    keepChain(flight.certificates)
    const { keyExchange } = flight
    if (keyExchange?.kind === 'prime') primes.set(JSON.stringify(keyExchange.prime), keyExchange.prime)
    if (keyExchange?.kind === 'rsa') exportKeyBits.add(keyExchange.bits)
  }
  /** Some servers and firewalls refuse now and then when they are asked often; the first time it means something. */
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    if (++connections > maxConnections) throw endless(target)
    if (clock.monotonic() - begin > maxScanMs) throw tooSlow(target)
    for (const pauseMs of connections === 1 ? [] : retryAfterMs) {
      try {
        return await work()
      } catch (error) {
        if (!isAppError(error, 'ERR_NETWORK', 'ERR_TIMEOUT', 'ERR_STARTTLS')) throw error
        await clock.sleep(pauseMs, way.limits.signal)
      }
    }
    return await work()
  }
  const complete = (offer: Offer): ClientHello => ({
    ...offer,
    random: new Uint8Array(randomBytes(32)),
    serverName: target.serverName,
  })
  return {
    ask: async offer => {
      const once = () => patiently(() => askHello(complete(offer), way))
      let answer = await once()
      for (const pauseMs of doubts(answer, spokeTls)) {
        if (isClear(answer)) break
        await clock.sleep(pauseMs, way.limits.signal)
        answer = await once()
      }
      keep(answer)
      return answer
    },
    askSsl2: () => patiently(() => askSsl2(new Uint8Array(randomBytes(16)), way)),
    keepChain,
    seen: () => ({
      chains: [...chains.values()],
      primes: [...primes.values()],
      exportKeyBits: [...exportKeyBits],
      connections,
    }),
    speechless: () => speechless(target, { spokeTls, alerts }),
  }
}

function isClear({ flight, end }: Answer): boolean {
  return end === 'complete' || flight.hello !== undefined || flight.alert !== undefined
}

/**
 * How often, and after which pauses, to ask again before an answer is taken for a refusal: a server that has enough of us
 * hangs up, or complains in plain text in the middle of a scan (Exim).
 */
function doubts(answer: Answer, spokeTls: boolean): readonly number[] {
  if (isClear(answer) || answer.end === 'silent') return []
  return answer.end === 'unreadable' && spokeTls ? retryAfterMs : retryAfterMs.slice(0, 1)
}

async function scanSsl2(asker: Asker): Promise<ProtocolScan> {
  const oldCiphers = await asker.askSsl2()
  const offered = oldCiphers.length > 0
  return { name: 'SSLv2', offered, suites: [], oldCiphers, order: undefined, groups: [] }
}

async function scanProtocol(name: ProtocolName, asker: Asker): Promise<ProtocolScan> {
  const version = versionNumbers[name]
  const picking = (offered: readonly number[]) => async (suites: readonly number[]) =>
    agreed(await asker.ask({ version, suites, groups: offered }), version, suites)?.suite
  const pick = picking(version === tlsVersion13 ? everyGroup : everyCurve)
  const found: number[] = []
  let filled = 0
  const note = (more: readonly number[]): void => {
    if (more.length > 0) filled += 1
    found.push(...more)
  }
  for (const batch of inBatches(version === tlsVersion13 ? tls13Suites : olderSuites, suitesAtOnce))
    note(await enumerate(batch, pick))
  // GnuTLS takes DHE only from clients that name one of its primes.
  const pickNamed = picking(everyGroup)
  const wanting = olderSuites.filter(id => suiteOf(id)?.keyExchange === 'dhe' && !found.includes(id))
  if (found.length > 0 && version !== tlsVersion13) note(await enumerate(wanting, pickNamed))

  const order = found.length < 2 ? undefined : await orderOf(found, pickNamed)
  // Batches were asked for one after the other; a server that has an order shows it over all of them.
  const ordered = order === 'server' && filled > 1 ? await enumerate(found, pickNamed) : found
  const suites = ordered.flatMap(id => suiteOf(id) ?? [])
  return { name, offered: suites.length > 0, suites, oldCiphers: [], order, groups: [] }
}

/** What is chosen, again and again, from what is left. */
async function enumerate(
  candidates: readonly number[],
  pick: (left: readonly number[]) => Promise<number | undefined>,
): Promise<readonly number[]> {
  const found: number[] = []
  for (;;) {
    const left = candidates.filter(id => !found.includes(id))
    const chosen = left.length === 0 ? undefined : await pick(left)
    if (chosen === undefined) return found
    found.push(chosen)
  }
}

async function orderOf(
  found: readonly number[],
  pick: (offered: readonly number[]) => Promise<number | undefined>,
): Promise<'server' | 'client'> {
  return (await pick(found)) === (await pick(found.toReversed())) ? 'server' : 'client'
}

/** The hello of an answer that agrees to the version and to one of the suites. */
function agreed({ flight }: Answer, version: number, suites: readonly number[]): ServerHello | undefined {
  const { hello } = flight
  return hello?.version === version && suites.includes(hello.suite) ? hello : undefined
}

const everyGroup: readonly number[] = groups.map(({ id }) => id)
/**
 * What TLS 1.2 and older are offered at first: a server that knows RFC 7919 does not use its own prime when others are
 * named to it.
 */
const everyCurve: readonly number[] = groups.filter(({ kind }) => kind === 'curve').map(({ id }) => id)

async function withGroups(
  protocols: readonly ProtocolScan[],
  { asker, width }: { readonly asker: Asker; readonly width: number },
): Promise<readonly ProtocolScan[]> {
  const older = protocols.findLast(({ name, suites }) => name !== 'TLSv1.3' && suites.some(usesCurve))
  return mapConcurrently(protocols, width, async protocol => {
    if (!protocol.offered || (protocol !== older && protocol.name !== 'TLSv1.3')) return protocol
    return { ...protocol, groups: await groupsOf(protocol, asker) }
  })
}

function usesCurve({ keyExchange }: CipherSuite): boolean {
  return keyExchange === 'ecdhe'
}

async function groupsOf({ name, suites }: ProtocolScan, asker: Asker): Promise<readonly Group[]> {
  const version = versionNumbers[name]
  const newest = version === tlsVersion13
  const offered = suites.filter(suite => newest || usesCurve(suite)).map(({ id }) => id)
  const choose = async (ids: readonly number[]) => {
    const answer = await asker.ask({ version, suites: offered, groups: ids })
    const hello = agreed(answer, version, offered)
    const { keyExchange } = answer.flight
    const group = newest ? hello?.group : keyExchange?.kind === 'curve' ? keyExchange.group : undefined
    return group !== undefined && ids.includes(group) ? group : undefined
  }
  const all = newest ? everyGroup : everyCurve
  const found: number[] = []
  for (;;) {
    const left = all.filter(id => !found.includes(id))
    const first = left.length === 0 ? undefined : await choose(left)
    // Up to TLS 1.2 the curve of an ECDSA certificate must be among the groups (RFC 8422 §5.1).
    const chosen = first ?? (newest || found.length === 0 ? undefined : await choose([...left, ...found]))
    if (chosen === undefined || found.includes(chosen)) return found.flatMap(id => groupOf(id) ?? [])
    found.push(chosen)
  }
}

const httpNames = ['h2', 'http/1.1'] as const

async function scanOlder(
  protocols: readonly ProtocolScan[],
  asker: Asker,
): Promise<OlderFeatures | undefined> {
  const offered = protocols.filter(({ name, offered }) => offered && name !== 'SSLv2')
  const best = offered.findLast(({ name }) => name !== 'TLSv1.3')
  if (best === undefined) return undefined
  const version = versionNumbers[best.name]
  const suites = best.suites.map(({ id }) => id)
  const offer = { version, suites, groups: everyGroup }
  const curious = await asker.ask({ ...offer, curious: true })
  const { flight } = agreed(curious, version, suites) === undefined ? await asker.ask(offer) : curious
  const { hello } = flight
  const http = await asker.ask({ ...offer, applications: httpNames })
  const chosen = agreed(http, version, suites)?.application
  const application = httpNames.find(name => name === chosen)
  const has = (kind: number) => hello?.extensions.includes(kind) ?? false
  return {
    secureRenegotiation: has(extensions.renegotiation),
    compression: hello?.compression === deflate,
    heartbeat: has(extensions.heartbeat),
    sessionTickets: has(extensions.sessionTicket),
    sessionNames: hello?.namesSession ?? false,
    extendedMasterSecret: has(extensions.extendedMasterSecret),
    encryptThenMac: has(extensions.encryptThenMac),
    stapling: flight.stapled,
    ...(application !== undefined && { application }),
    fallbackSignal: await fallbackSignal(offered, asker),
  }
}

/** Offers less than the server can, and says that this is a second attempt (RFC 7507). */
async function fallbackSignal(offered: readonly ProtocolScan[], asker: Asker): Promise<boolean | undefined> {
  const lower = offered.at(-2)
  if (lower === undefined) return undefined
  const version = versionNumbers[lower.name]
  const suites = [...lower.suites.map(({ id }) => id), fallbackScsv]
  const { flight } = await asker.ask({ version, suites, groups: everyGroup })
  return flight.alert?.description === inappropriateFallback
}

/** In TLS 1.3 certificates are encrypted: Node makes the handshakes, one for each kind of key. */
async function lookAtCertificates(
  { address: host, port, serverName, startTls }: ScanTarget,
  { asker, signal }: { readonly asker: Asker; readonly signal: AbortSignal },
  { probeTls }: ScanRuntime,
): Promise<void> {
  const target = { host, port, serverName, ...(startTls !== undefined && { startTls }) }
  for (const keyKind of keyKinds) {
    try {
      asker.keepChain((await probeTls({ ...target, keyKind }, { signal })).chain)
    } catch (error) {
      if (!isAppError(error, 'ERR_NETWORK')) throw error // it has none of this kind
    }
  }
  // Keys of other kinds (Ed25519); where Node cannot do it either, that is told.
  if (asker.seen().chains.length === 0) asker.keepChain((await probeTls(target, { signal })).chain)
}

const keyKinds = ['ecdsa', 'rsa'] as const satisfies readonly KeyKind[]

function inBatches<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

function digestOf(chain: SentChain): string {
  const hash = createHash('sha256')
  for (const der of chain) hash.update(createHash('sha256').update(der).digest())
  return hash.digest('hex')
}

function shownTarget({ host, port }: ScanTarget): string {
  return `${printable(host.includes(':') ? `[${host}]` : host)}:${port}`
}

function tooSlow(target: ScanTarget): AppError {
  const text = `${shownTarget(target)} could not be looked at within ${formatDuration(maxScanMs)}`
  return new AppError('ERR_TIMEOUT', text, { hint: 'see why it answers so slowly, or scan it from nearby' })
}

function endless(target: ScanTarget): AppError {
  return new AppError(
    'ERR_REPLY_INVALID',
    `${shownTarget(target)} agrees to something new each time; after ${maxConnections} connections it is given up`,
    { hint: 'see what answers on this port: it does not behave like a TLS server' },
  )
}

const unrecognizedName = 112

function speechless(
  target: ScanTarget,
  { spokeTls, alerts }: { readonly spokeTls: boolean; readonly alerts: ReadonlySet<number> },
): AppError {
  const shown = shownTarget(target)
  if (!spokeTls) {
    return new AppError('ERR_NETWORK', `${shown} does not speak TLS`, {
      hint: 'see that the port is right; where plain text comes first, name the protocol: --starttls smtp',
    })
  }
  const numbers = [...alerts].toSorted((a, b) => a - b).join(', ')
  return new AppError('ERR_NETWORK', `${shown} refused every handshake (alert ${numbers || 'none'})`, {
    hint: alerts.has(unrecognizedName)
      ? 'it has no certificate for this name; give one that it knows: --server-name NAME'
      : 'see the log of the server: it may be unable to load its certificate or its key, or may want another name (--server-name NAME)',
  })
}
