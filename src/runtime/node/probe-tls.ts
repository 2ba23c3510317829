/** One look at what a TLS endpoint serves. */
import type { Socket } from 'node:net'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { AppError } from '../../base/errors.ts'
import { formatDuration } from '../../base/instant.ts'
import type { ProbeTarget, ProbeTls, Served } from '../network.ts'
import { abortedError } from './aborted.ts'
import { connectFailure } from './connect-failure.ts'

const defaultTimeoutMs = 5_000
/** Servers send two to four; this bounds the walk over what a hostile one sends. */
const maxChainLength = 10

/** Handshakes over real sockets. Nothing is verified: what is served is reported, good or bad. */
export function nodeProbeTls(): ProbeTls {
  return async (target, { timeoutMs = defaultTimeoutMs, signal } = {}) => {
    const [{ connect: connectTcp }, { connect: connectTls }] = await Promise.all([
      import('node:net'),
      import('node:tls'),
    ])
    const shown = showTarget(target)
    if (signal?.aborted) throw abortedError(signal, `looking at ${shown}`)
    const raw = connectTcp({ host: target.host, port: target.port })
    if (target.proxyProtocol) raw.once('connect', () => raw.write(proxyPreamble(raw)))
    const secure = connectTls({
      socket: raw,
      rejectUnauthorized: false,
      // No roots: otherwise a root that was not sent would be added to the chain that is read.
      ca: [],
      // Whatever an old server speaks, its certificate can be looked at.
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
      ...(target.serverName === undefined ? {} : { servername: target.serverName }),
    })
    try {
      return await served(raw, secure, { shown, timeoutMs, signal })
    } finally {
      secure.destroy()
      raw.destroy()
    }
  }
}

type Look = { readonly shown: string; readonly timeoutMs: number; readonly signal: AbortSignal | undefined }

function served(raw: Socket, secure: TLSSocket, { shown, timeoutMs, signal }: Look): Promise<Served> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      act()
    }
    const onError = (error: Error): void => settle(() => reject(connectFailure(error, shown)))
    const onAbort = (): void => {
      if (signal) settle(() => reject(abortedError(signal, `looking at ${shown}`)))
    }
    const timer = setTimeout(() => {
      const text = `${shown} did not complete a TLS handshake within ${formatDuration(timeoutMs)}`
      const hint = 'see that the port is right and that no firewall is in between'
      settle(() => reject(new AppError('ERR_TIMEOUT', text, { hint })))
    }, timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    raw.on('error', onError)
    secure.on('error', onError)
    secure.once('secureConnect', () => {
      const chain = chainOf(secure.getPeerCertificate(true))
      const [leaf] = chain
      const protocol = secure.getProtocol() ?? 'unknown'
      settle(() => (leaf ? resolve({ leaf, chain, protocol }) : reject(noCertificate(shown))))
    })
  })
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

function noCertificate(shown: string): AppError {
  return new AppError('ERR_NETWORK', `${shown} serves no certificate`)
}

/** The PROXY protocol's line for this very connection, version 1. */
function proxyPreamble({ localAddress, remoteAddress, localPort, remotePort, remoteFamily }: Socket): string {
  const family = remoteFamily === 'IPv6' ? 'TCP6' : 'TCP4'
  return `PROXY ${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`
}

function showTarget({ host, port, serverName }: ProbeTarget): string {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return serverName === undefined || serverName === host ? address : `${address} (${serverName})`
}
