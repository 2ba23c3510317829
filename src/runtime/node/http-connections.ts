/**
 * Connections for HTTP: kept per origin and trust, limited in number, ready for use when handed out.
 *
 * A request gets its socket only after TCP and TLS are through, so "the request has a socket" is the same as "sending
 * began", and everything before that is known to have had no effect.
 */
import type { Agent, ClientRequest, ClientRequestArgs } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import { AppError } from '../../base/errors.ts'
import { formatDuration } from '../../base/instant.ts'
import { abortedError } from './aborted.ts'
import { connectFailure } from './connect-failure.ts'
import { createLimit, type Limit } from './limit.ts'

/** Where a request goes and how. */
export type Route = {
  readonly url: URL
  readonly trustPem: string | undefined
  readonly address: string | undefined
  readonly connectTimeoutMs: number
  readonly signal: AbortSignal | undefined
  /** Whether a connection that was used before will not do. */
  readonly fresh: boolean
}

/** Starts a request on the route's connection. */
export type Start = (options: ClientRequestArgs) => ClientRequest

export interface Connections {
  /** Runs `exchange` when the origin has a connection to spare. */
  use<T>(route: Route, exchange: (start: Start) => Promise<T>): Promise<T>
}

const maxConnectionsPerOrigin = 32
/** Node's own server closes idle connections after 5 s; ours go first, so that we rarely write to a closed one. */
const idleTimeoutMs = 4_000
/** Time for one address before the next one of the same name is tried too. */
const nextAddressMs = 1_000

/** No connection is made before the first use, and idle ones do not keep the process alive. */
export function createConnections(): Connections {
  const agents = new Map<string, Promise<Agent>>()
  const limits = new Map<string, Limit>()

  const kept = (route: Route): Promise<Agent> => {
    const key = `${route.url.origin} ${route.trustPem ?? ''}`
    const agent = agents.get(key) ?? createAgent(route, true)
    agents.set(key, agent)
    return agent
  }
  const limitFor = ({ url }: Route): Limit => {
    const limit = limits.get(url.origin) ?? createLimit(maxConnectionsPerOrigin)
    limits.set(url.origin, limit)
    return limit
  }

  return {
    use: (route, exchange) =>
      limitFor(route)(route.signal, async () => {
        const passing = route.fresh || route.address !== undefined
        const agent = await (passing ? createAgent(route, false) : kept(route))
        const { request } = await import(route.url.protocol === 'https:' ? 'node:https' : 'node:http')
        return await exchange(options => request(route.url, { ...options, agent, route }))
      }),
  }
}

async function createAgent(route: Route, keepAlive: boolean): Promise<Agent> {
  const agent = await (route.url.protocol === 'https:'
    ? secureAgent(route, keepAlive)
    : plainAgent(keepAlive))
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, done) => {
    const { route: wanted } = options as { readonly route: Route } // put there by `use`
    const socket = connect({ ...options, ...(wanted.address === undefined ? {} : { host: wanted.address }) })
    whenReady(socket as Socket, wanted, done ?? (() => {})) // without a callback, agents return a socket
    return undefined
  }
  return agent
}

async function plainAgent(keepAlive: boolean): Promise<Agent> {
  const { Agent } = await import('node:http')
  return new Agent(agentOptions(keepAlive))
}

async function secureAgent({ url, trustPem }: Route, keepAlive: boolean): Promise<Agent> {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new AppError('ERR_NETWORK', 'NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the check of certificates', {
      hint: 'unset it; a private root certificate can be given by trust: (or --trust FILE)',
    })
  }
  const [{ Agent }, tls, { isIP }] = await Promise.all([
    import('node:https'),
    import('node:tls'),
    import('node:net'),
  ])
  const roots = trustPem ?? [
    ...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')]),
  ]
  const name = bareHost(url)
  return new Agent({
    ...agentOptions(keepAlive),
    secureContext: tls.createSecureContext({ ca: roots }),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      tls.checkServerIdentity(name, certificate),
  })
}

function agentOptions(keepAlive: boolean): object {
  return { keepAlive, timeout: idleTimeoutMs, autoSelectFamilyAttemptTimeout: nextAddressMs }
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

type Done = (error: Error | null, stream: Duplex) => void

function whenReady(socket: Socket, { url, address, connectTimeoutMs, signal }: Route, done: Done): void {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  const target = `${url.hostname}:${port}${address === undefined ? '' : ` at ${address}`}`
  const settle = (error: AppError | null): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('error', onError)
    if (error) {
      socket.on('error', () => {}) // what follows the first failure says nothing new
      socket.destroy()
    }
    done(error, socket)
  }
  const onError = (error: Error): void => settle(connectFailure(error, target))
  const onAbort = (): void => {
    if (signal) settle(abortedError(signal, `connecting to ${target}`))
  }
  const timer = setTimeout(() => {
    settle(
      new AppError('ERR_TIMEOUT', `${target} did not answer within ${formatDuration(connectTimeoutMs)}`, {
        hint: 'see that the address is right and that no firewall is in between',
      }),
    )
  }, connectTimeoutMs)
  signal?.addEventListener('abort', onAbort, { once: true })
  socket.once('error', onError)
  socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => settle(null))
}
