/** Asking one server many times: with patience, within limits, and with a memory. */
import { createHash, randomBytes } from 'node:crypto'
import { formatDuration } from '../base/duration.ts'
import { AppError, isAppError } from '../base/errors.ts'
import { minuteMs } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Answer, askHello, askSsl2, type Way } from './ask.ts'
import type { ClientHello } from './client-hello.ts'
import type { DhPrime } from './groups.ts'
import type { ScanTarget, SentChain, TlsScan } from './scan-result.ts'

/** Five protocols with sixty suites each, asked for twice. */
const maxConnections = 800
/** For all of it: a server that takes a second for each of a few hundred connections is slow, and not yet hostile. */
const maxScanMs = 10 * minuteMs
/** Before a connection that failed in the middle is tried again, each time longer: some servers want to be left alone. */
const retryAfterMs = [300, 1_000, 3_000] as const

/** What was in the answers so far. */
export type Seen = Pick<TlsScan, 'chains' | 'primes' | 'exportKeyBits' | 'connections'>
/** What is asked. */
export type Offer = Omit<ClientHello, 'random' | 'serverName'>

/** Asks, and remembers what is in every answer. */
export type Asker = {
  readonly ask: (offer: Offer) => Promise<Answer>
  readonly askSsl2: () => Promise<readonly string[]>
  readonly keepChain: (chain: SentChain) => void
  readonly seen: () => Seen
  /** Why a server with which no protocol was agreed on cannot be graded. */
  readonly speechless: () => AppError
}

/** One for a scan; `way` leads to `target`. */
export function createAsker(target: ScanTarget, way: Way, { clock }: Pick<Runtime, 'clock'>): Asker {
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
