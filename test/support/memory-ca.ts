/** The embedded CA in memory: every request is counted, and every answer can be replaced or delayed. */
import { type Instant, instant } from '../../src/base/instant.ts'
import type { Authority } from '../../src/manage/spec.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { HttpExchange, HttpReply, HttpRequest } from '../../src/runtime/http.ts'
import type { Resolver } from '../../src/runtime/resolver.ts'
import {
  type AcmeServerOptions,
  createAcmeServer,
  createLocalIssuer,
  type LocalIssuer,
} from '../../src/server/index.ts'
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts'

/** What the URLs of the CA stand for. */
export const caResources = [
  'directory',
  'new-nonce',
  'new-account',
  'account',
  'orders',
  'new-order',
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
  'renewal-info',
] as const
export type CaResource = (typeof caResources)[number]

/** One request that reached the CA, or was to reach it. */
export type CaRequest = {
  readonly resource: CaResource
  readonly at: Instant
  /** What was signed, parsed; `undefined` where nothing was. */
  readonly payload: unknown
}

/** One request, before it is answered. */
export type CaCall = CaRequest & {
  readonly ca: MemoryCa
  readonly url: string
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  /** What the good CA answers. Asking it has its effect. */
  readonly good: () => Promise<HttpReply>
}

/** An answer; a connection that breaks is thrown. */
export type CaAnswer = (call: CaCall) => HttpReply | Promise<HttpReply>

/** Answers in place of the good ones. */
export type CaMischief = Readonly<Partial<Record<CaResource, CaAnswer>>>

export type MemoryCa = {
  readonly authority: Authority
  readonly host: string
  readonly issuer: LocalIssuer
  /** Certificates that it signed for orders, oldest first. */
  readonly issued: readonly Certificate[]
  /** Every request so far. */
  readonly requests: readonly CaRequest[]
  readonly exchange: HttpExchange
  /** From now on it answers like this; without arguments, well. */
  become(mischief?: CaMischief): void
}

export type MemoryCaOptions = {
  readonly id?: string
  readonly authority?: Partial<Authority>
  /** Settings of the good CA. */
  readonly server?: Partial<AcmeServerOptions>
}

/** Making keys costs as much as a whole issuance, and nobody looks at those of a CA. */
const issuers = new Map<string, Promise<LocalIssuer>>()

/** A CA that validates by `http`, and whose resolver knows every name. */
export async function createMemoryCa(
  { id = 'ca', authority = {}, server: options = {} }: MemoryCaOptions,
  {
    clock,
    http,
    resolver,
  }: { readonly clock: Clock; readonly http: HttpExchange; readonly resolver: Resolver },
): Promise<MemoryCa> {
  const host = `${id}.example`
  const issuer = await issuerFrom(clock.now())
  const issued: Certificate[] = []
  const requests: CaRequest[] = []
  let mischief: CaMischief = {}
  const server = createAcmeServer(
    {
      baseUrl: `https://${host}`,
      issuer: {
        ...issuer,
        issue: async (request, issueOptions) => {
          const chains = await issuer.issue(request, issueOptions)
          issued.push(parseCertificate(chains[0]?.[0] ?? new Uint8Array()))
          return chains
        },
      },
      validation: { allowedNetworks: ['127.0.0.0/8'] },
      ...options,
    },
    { clock, http, resolver },
  )
  const ca: MemoryCa = {
    authority: { id, directory: server.directoryUrl, ...authority },
    host,
    issuer,
    issued,
    requests,
    exchange: async (url, request) => {
      const resource = resourceOf(url)
      const seen = { resource, at: clock.now(), payload: payloadOf(request) }
      requests.push(seen)
      const good = async () => withDate(await askServer(server, url, request), clock.now())
      const answer = mischief[resource]
      if (answer === undefined) return good()
      return answer({ ...seen, ca, url, signal: request.signal, clock, good })
    },
    become: (next = {}) => {
      mischief = next
    },
  }
  return ca
}

/** One issuer for all that begin at the same time: it keeps nothing. */
function issuerFrom(now: Instant): Promise<LocalIssuer> {
  const key = String(now)
  const made = issuers.get(key) ?? createLocalIssuer({}, { clock: { now: () => instant(now) } })
  issuers.set(key, made)
  return made
}

function resourceOf(url: string): CaResource {
  const [first = '', , third] = new URL(url).pathname.split('/').slice(1)
  const place =
    third === undefined
      ? first
      : ({ order: 'finalize', authorization: 'challenge', account: 'orders' }[first] ?? first)
  const resource = caResources.find(one => one === place)
  if (resource === undefined) throw new TypeError(`the CA has nothing at ${url}`)
  return resource
}

function payloadOf({ body }: HttpRequest): unknown {
  if (body === undefined) return undefined
  const { payload } = JSON.parse(body) as { readonly payload: string } // a JWS of the client
  return payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString())
}

/** As every HTTP server that has a clock sends it. */
function withDate(reply: HttpReply, now: Instant): HttpReply {
  return { ...reply, headers: new Map([...reply.headers, ['date', new Date(now).toUTCString()]]) }
}

async function askServer(
  server: { fetch(request: Request): Promise<Response> },
  url: string,
  { method, headers = {}, body }: HttpRequest,
): Promise<HttpReply> {
  const reply = await server.fetch(new Request(url, { method, headers, ...(body !== undefined && { body }) }))
  return {
    status: reply.status,
    headers: new Map([...reply.headers].map(([name, value]) => [name.toLowerCase(), value])),
    body: new Uint8Array(await reply.arrayBuffer()),
  }
}
