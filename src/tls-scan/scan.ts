/**
 * Looking at everything that a TLS server agrees to, by offering and taking away: one ClientHello for each question, and
 * no handshake is ever finished.
 */
import { mapConcurrently } from '../base/concurrent.ts'
import { isAppError } from '../base/errors.ts'
import type { KeyKind } from '../runtime/network.ts'
import type { RawTarget } from '../runtime/raw-connection.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Answer } from './ask.ts'
import { type Asker, createAsker } from './asker.ts'
import { deflate, extensions } from './client-hello.ts'
import { type Group, groupOf, groups } from './groups.ts'
import {
  httpNames,
  type OlderFeatures,
  type ProtocolScan,
  type ScanTarget,
  type TlsScan,
} from './scan-result.ts'
import type { ServerHello } from './server-hello.ts'
import { type CipherSuite, fallbackScsv, olderSuites, suiteOf, tls13Suites } from './suites.ts'
import { type ProtocolName, protocolNames, tlsVersion13, versionNumbers } from './versions.ts'

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
