/** One look at what a TLS endpoint serves. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { unlessAborted } from '../../base/aborted.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, isAppError, systemCodeOf } from '../../base/errors.ts'
import { formatEndpoint } from '../endpoint-text.ts'
import type { KeyKind, ProbeTarget, ProbeTls, Served } from '../network.ts'
import { connectFailure } from './connect-failure.ts'
import { type Overheard, overhear } from './overhear.ts'
import { sentCertificates } from './sent-certificates.ts'
import { type Progress, startTls } from './start-tls/start-tls.ts'

const defaultTimeoutMs = 5_000
/** Mail servers keep those who call waiting on purpose: Postfix' postscreen for 6 s. */
const defaultDialogueTimeoutMs = 12_000
/** Servers send two to four; this bounds the walk over what a hostile one sends. */
const maxChainLength = 10

/** What is waited for last, to follow "did not". */
const handshakeDone = 'complete a TLS handshake'
/** What it looks like when a server gives up instead of making a handshake, or complains in plain text. */
const brokenTlsCodes = ({ startTls: protocol }: ProbeTarget): readonly string[] => [
  'ECONNRESET',
  'EPIPE',
  ...(protocol === undefined ? [] : ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']),
]
const brokenTlsHint =
  'see that the port is right, and see the log of the server: it may be unable to load its certificate or its key'

/** Handshakes over real sockets. Nothing is verified: what is served is reported, good or bad. */
export function nodeProbeTls(): ProbeTls {
  return async (
    target,
    { timeoutMs = target.startTls === undefined ? defaultTimeoutMs : defaultDialogueTimeoutMs, signal } = {},
  ) => {
    const [net, tls] = await Promise.all([import('node:net'), import('node:tls')])
    const shown = showTarget(target)
    const deadline = new AbortController()
    const progress: Progress = { awaited: 'take the connection', said: '' }
    const timer = setTimeout(() => deadline.abort(tooSlow(shown, progress, timeoutMs)), timeoutMs)
    const stop = AbortSignal.any([deadline.signal, ...(signal ? [signal] : [])])
    const raw = new net.Socket().on('error', () => {}) // errors are seen where they are waited for
    const look = async (): Promise<Served> => {
      await once(raw.connect({ host: target.host, port: target.port }), 'connect')
      if (target.proxyProtocol) raw.write(proxyPreamble(raw))
      if (target.startTls !== undefined) {
        const serverName = target.serverName ?? target.host
        await startTls(raw, target.startTls, { shown, serverName, progress })
      }
      progress.awaited = handshakeDone
      progress.said = ''
      const overheard = overhear(raw)
      const secure = tls.connect(handshake(overheard.socket, target)).on('error', () => {})
      secure.on('keylog', line => overheard.takeKey(line))
      await once(secure, 'secureConnect')
      return servedBy(secure, overheard, shown)
    }
    try {
      return await unlessAborted(look, `looking at ${shown}`, stop)
    } catch (error) {
      if (isAppError(error)) throw error
      const failure = connectFailure(error, shown)
      const gaveUp =
        progress.awaited === handshakeDone && brokenTlsCodes(target).includes(systemCodeOf(error) ?? '')
      throw gaveUp
        ? new AppError(failure.code, failure.message, { cause: error, hint: brokenTlsHint })
        : failure
    } finally {
      clearTimeout(timer)
      raw.destroy()
    }
  }
}

/** Signature algorithms for TLS 1.3 and 1.2, and cipher suites for TLS 1.2 and older, that only one kind of key can do. */
const onlyKeys = {
  rsa: {
    sigalgs: ['RSA-PSS', 'RSA']
      .flatMap(kind => [`${kind}+SHA256`, `${kind}+SHA384`, `${kind}+SHA512`])
      .join(':'),
    ciphers: 'aRSA:@SECLEVEL=0',
  },
  ecdsa: {
    sigalgs: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512',
    ciphers: 'aECDSA:@SECLEVEL=0',
  },
} as const satisfies Record<KeyKind, object>

function handshake(socket: Duplex, { serverName, keyKind }: ProbeTarget): ConnectionOptions {
  return {
    socket,
    rejectUnauthorized: false,
    // No roots: otherwise a root that was not sent would be added to the chain that is read.
    ca: [],
    // Whatever an old server speaks, its certificate can be looked at.
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
    ...(keyKind === undefined ? {} : onlyKeys[keyKind]),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

function servedBy(secure: TLSSocket, overheard: Overheard, shown: string): Served {
  const linked = chainOf(secure.getPeerCertificate(true))
  const sent = sentCertificates(overheard.received(), {
    suite: secure.getCipher().standardName,
    serverSecret: overheard.serverSecret(),
  })
  // Whatever was overheard is good only if it is about the same certificate.
  const chain =
    sent?.[0] !== undefined && Buffer.compare(sent[0], linked[0] ?? Buffer.alloc(0)) === 0 ? sent : linked
  const [leaf] = chain
  if (leaf === undefined) throw new AppError('ERR_NETWORK', `${shown} serves no certificate`)
  return { leaf, chain, protocol: secure.getProtocol() ?? 'unknown' }
}

/** The certificates as they link up; at the end of a complete chain, each is its own issuer. */
function chainOf(first: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  const seen = new Set<string>()
  let certificate: DetailedPeerCertificate | undefined = first
  while (certificate?.raw && !seen.has(certificate.fingerprint256) && chain.length < maxChainLength) {
    seen.add(certificate.fingerprint256)
    chain.push(new Uint8Array(certificate.raw))
    certificate = certificate.issuerCertificate
  }
  return chain
}

function tooSlow(shown: string, { awaited, said }: Progress, timeoutMs: number): AppError {
  const soFar = said === '' ? '' : `; it said ${said}`
  const text = `${shown} did not ${awaited} within ${formatDuration(timeoutMs)}${soFar}`
  const hint =
    awaited === 'greet' && said === ''
      ? 'see that the port is right: where TLS begins at once (465, 993, …) no protocol is to be named; otherwise the log of the server says why it is silent'
      : 'see that the port is right and that no firewall is in between'
  return new AppError('ERR_TIMEOUT', text, { hint })
}

/** The PROXY protocol's line for this very connection, version 1. */
function proxyPreamble({ localAddress, remoteAddress, localPort, remotePort, remoteFamily }: Socket): string {
  const family = remoteFamily === 'IPv6' ? 'TCP6' : 'TCP4'
  return `PROXY ${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`
}

function showTarget({ serverName, keyKind, ...where }: ProbeTarget): string {
  const address = formatEndpoint(where)
  const details = [
    ...(serverName === undefined || serverName === where.host ? [] : [serverName]),
    ...(keyKind === undefined ? [] : [`asked for its ${keyKind.toUpperCase()} certificate`]),
  ]
  return details.length === 0 ? address : `${address} (${details.join(', ')})`
}
