/**
 * Connections for HTTP: kept per origin and trust, limited in number, ready for use when handed out.
 *
 * A request gets its socket only after TCP and TLS are through, so "the request has a socket" is the same as "sending
 * began", and everything before that is known to have had no effect.
 */
import { once } from 'node:events'
import type { Agent, ClientRequest, ClientRequestArgs, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionOptions, SecureContext } from 'node:tls'
import { unlessAborted } from '../../base/aborted.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import { createLimit, type Limit } from '../../base/limit.ts'
import { connectFailure } from './connect-failure.ts'
import { openTunnel, proxyFor } from './http-proxy.ts'
import { systemRoots } from './system-roots.ts'

/** Where a request goes and how. */
export type Route = {
  readonly url: URL
  readonly trustPem: string | undefined
  readonly address: string | undefined
  /** Whether any certificate will do; only where the address is given. */
  readonly anyCertificate: boolean
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

type Protocol = { readonly request: (url: URL, options: RequestOptions & { route: Route }) => ClientRequest }

/** No connection is made before the first use, and idle ones do not keep the process alive. */
export function createConnections(): Connections {
  const agentsByTrust = new Map<string | undefined, Map<string, Agent>>()
  const limits = new Map<string, Limit>()
  const contexts = new Map<string, SecureContext>()
  const protocols = new Map<string, Protocol>()

  // An import that was done before still takes as long as all the rest here.
  const protocolOf = async ({ protocol }: URL): Promise<Protocol> => {
    const loaded: Protocol =
      protocols.get(protocol) ?? (await import(protocol === 'https:' ? 'node:https' : 'node:http'))
    protocols.set(protocol, loaded)
    return loaded
  }

  const createAgent = async (route: Route, keepAlive: boolean): Promise<Agent> => {
    const options = { keepAlive, timeout: idleTimeoutMs, autoSelectFamilyAttemptTimeout: nextAddressMs }
    if (route.url.protocol === 'http:') {
      const { Agent } = await import('node:http')
      return connectingFully(new Agent(options))
    }
    const { Agent } = await import('node:https')
    const key = route.trustPem ?? ''
    const secureContext = contexts.get(key) ?? (await trusting(route.trustPem))
    contexts.set(key, secureContext)
    return connectingFully(new Agent({ ...options, secureContext, ...(await identityOf(route)) }))
  }
  const keptAgent = async (route: Route): Promise<Agent> => {
    const { origin } = route.url
    const agents = agentsByTrust.get(route.trustPem) ?? new Map<string, Agent>()
    agentsByTrust.set(route.trustPem, agents)
    const agent = agents.get(origin) ?? (await createAgent(route, true))
    const first = agents.get(origin) ?? agent // another request may have made one meanwhile
    agents.set(origin, first)
    return first
  }
  const limitFor = ({ url }: Route): Limit => {
    const limit = limits.get(url.origin) ?? createLimit(maxConnectionsPerOrigin)
    limits.set(url.origin, limit)
    return limit
  }

  return {
    use: async (route, exchange) => {
      const { request } = await protocolOf(route.url)
      const send = (agent: Agent): ReturnType<typeof exchange> =>
        exchange(options => request(route.url, { ...options, agent, route }))
      // Who gives the address looks at many hosts once each: nothing of them is kept.
      if (route.address !== undefined) return await send(await createAgent(route, false))
      return await limitFor(route)(route.signal, async () =>
        send(await (route.fresh ? createAgent(route, false) : keptAgent(route))),
      )
    },
  }
}

async function trusting(trustPem: string | undefined): Promise<SecureContext> {
  const { createSecureContext } = await import('node:tls')
  return createSecureContext({ ca: trustPem ?? [...(await systemRoots())], minVersion: 'TLSv1.2' })
}

/** Whom the server must be, whatever the address that is connected to. */
async function identityOf({ url, address, anyCertificate }: Route): Promise<ConnectionOptions> {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new AppError('ERR_NETWORK', 'NODE_TLS_REJECT_UNAUTHORIZED=0 turns off the check of certificates', {
      hint: 'unset it; a private root certificate can be given by trust: (or --trust FILE)',
      lasting: true,
    })
  }
  const [{ isIP }, { checkServerIdentity }] = await Promise.all([import('node:net'), import('node:tls')])
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    rejectUnauthorized: address === undefined || !anyCertificate,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    ...(isIP(name) === 0 ? { servername: name } : {}),
  }
}

/** Makes an agent hand out its connections only when they are ready for a request. */
function connectingFully(agent: Agent): Agent {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, done) => {
    const { route } = options as { readonly route: Route } // put there by `use`
    const start = (over: object): Socket => connect({ ...options, ...over }) as Socket // agents make sockets
    establish(start, route).then(
      socket => done?.(null, socket),
      (error: Error) => done?.(error, undefined as never), // the callback of the agent looks at the error first
    )
    return undefined
  }
  return agent
}

async function establish(start: (over: object) => Socket, route: Route): Promise<Socket> {
  const { url, address, connectTimeoutMs, signal } = route
  const target = `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
  const shown = address === undefined ? target : `${target} at ${address}`
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(tooSlow(shown, connectTimeoutMs)), connectTimeoutMs)
  const stop = AbortSignal.any([deadline.signal, ...(signal ? [signal] : [])])
  const sockets: Socket[] = []
  const watched = (socket: Socket): Socket => {
    sockets.push(socket)
    if (stop.aborted) socket.destroy() // too late; nobody would close it
    return socket.on('error', () => {}) // errors are seen where they are waited for
  }
  const connect = async (): Promise<Socket> => {
    const { Socket } = await import('node:net')
    const proxy = address === undefined ? proxyFor(url, name => process.env[name]) : undefined
    const tunnel = proxy && watched(new Socket())
    if (tunnel) await openTunnel(tunnel, proxy, url)
    const socket = watched(
      start({ ...(tunnel && { socket: tunnel }), ...(address !== undefined && { host: address }) }),
    )
    await once(socket, url.protocol === 'https:' ? 'secureConnect' : 'connect')
    return socket
  }
  try {
    return await unlessAborted(connect, `connecting to ${shown}`, stop)
  } catch (error) {
    for (const socket of sockets) socket.destroy()
    throw isAppError(error) ? error : connectFailure(error, shown)
  } finally {
    clearTimeout(timer)
  }
}

function tooSlow(target: string, connectTimeoutMs: number): AppError {
  const text = `${target} did not answer within ${formatDuration(connectTimeoutMs)}`
  return new AppError('ERR_TIMEOUT', text, {
    hint: 'see that the address is right and that no firewall is in between',
  })
}
