/** The embedded CA with a man in the middle: every answer can be replaced, on the way there or on the way back. */
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { dayMs, hourMs, instant, plusMs } from '../../src/base/instant.ts'
import { nodeClock } from '../../src/runtime/node/clock.ts'
import {
  type AcmeServerOptions,
  createAcmeServer,
  createLocalIssuer,
  type LocalIssuer,
  loopbackNetworks,
} from '../../src/server/index.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { generateKey, privateKeyPem } from '../../src/x509/key.ts'
import { encodePem, parsePem } from '../../src/x509/pem.ts'
import { type CertificateTemplate, signCertificate } from '../../src/x509/signed-certificate.ts'

/** Where its root lies below the directory that it is given. */
export const caFile = 'hostile-ca.pem'

/** What the URLs of the CA stand for. */
export type Resource =
  | 'directory'
  | 'new-nonce'
  | 'new-account'
  | 'account'
  | 'orders'
  | 'new-order'
  | 'order'
  | 'finalize'
  | 'authorization'
  | 'challenge'
  | 'certificate'

/** One request, before it is answered. */
export type Call = {
  readonly ca: HostileCa
  /** How often this resource was asked, this time included. */
  readonly count: number
  /** What the good CA answers. Asking it has its effect. */
  readonly good: () => Promise<Response>
}

/** An answer, or a connection that breaks before there is one. */
export type Answer = (call: Call) => Response | 'reset' | Promise<Response | 'reset'>

/** Answers in place of the good ones. */
export type Mischief = Readonly<Partial<Record<Resource, Answer>>>

export type HostileCa = AsyncDisposable & {
  readonly directory: string
  readonly origin: string
  /** PEM with the root of its TLS certificate, which is also that of the certificates it issues. */
  readonly trustFile: string
  readonly issuer: LocalIssuer
  /** How often a resource was asked. */
  asked(resource: Resource): number
  /** Certificates that it signed for orders. */
  issued(): number
  /** From now on it answers like this; without arguments, well. */
  become(mischief?: Mischief): void
}

export type HostileCaOptions = {
  /** For its files. */
  readonly directory: string
  /** What it validates, in place of any web server. */
  readonly webroot: string
  readonly mischief?: Mischief | undefined
  /** Settings of the good CA. */
  readonly options?: Partial<AcmeServerOptions> | undefined
  /** Who its TLS certificate is for. */
  readonly tlsName?: string | undefined
}

/** Starts a CA on a free port of 127.0.0.1. */
export async function startHostileCa({
  directory,
  webroot,
  mischief = {},
  options = {},
  tlsName,
}: HostileCaOptions): Promise<HostileCa> {
  const clock = nodeClock()
  const issuer = await createLocalIssuer({}, { clock })
  let issued = 0
  const counting = {
    issue: (...request: Parameters<LocalIssuer['issue']>) => {
      issued += 1
      return issuer.issue(...request)
    },
  }
  const tls = await tlsCertificate(issuer, tlsName)
  const listener = createServer(tls)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const origin = `https://127.0.0.1:${(listener.address() as AddressInfo).port}` // it listens on TCP
  const server = createAcmeServer(
    {
      baseUrl: origin,
      issuer: counting,
      validation: { allowedNetworks: loopbackNetworks },
      holdRepliesMs: 2_000,
      ...options,
    },
    {
      clock,
      resolver: { addresses: async () => ['127.0.0.1'] },
      http: async url => {
        const file = await readFile(join(webroot, new URL(url).pathname)).catch(() => undefined) // 404
        return { status: file === undefined ? 404 : 200, headers: new Map(), body: file ?? new Uint8Array() }
      },
    },
  )
  const trustFile = join(directory, caFile)
  await writeFile(trustFile, issuer.rootPem)

  let current = mischief
  const counts = new Map<Resource, number>()
  const ca: HostileCa = {
    directory: server.directoryUrl,
    origin,
    trustFile,
    issuer,
    asked: resource => counts.get(resource) ?? 0,
    issued: () => issued,
    become: (next = {}) => {
      current = next
    },
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      listener.close()
      await server[Symbol.asyncDispose]()
    },
  }
  listener.on('request', (request, response) => {
    const resource = resourceOf(request.url ?? '')
    const count = ca.asked(resource) + 1
    counts.set(resource, count)
    const good = async () => server.fetch(await toRequest(request, origin))
    const answer = current[resource] ?? (call => call.good())
    void Promise.resolve(answer({ ca, count, good })).then(
      reply => send(reply, response),
      (error: unknown) => response.writeHead(599).end(String(error)), // a mistake in a test
    )
  })
  return ca
}

// --- answers -------------------------------------------------------------------------------------------------------

/** A body of any kind. */
export function body(
  content: string | Uint8Array<ArrayBuffer>,
  { status = 200, type = 'application/json', headers = {} }: BodyOptions = {},
): Answer {
  return () => new Response(content, { status, headers: { 'content-type': type, ...headers } })
}

export type BodyOptions = {
  readonly status?: number
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A page, as proxies and captive portals send it. */
export function page(status: number): Answer {
  return body('<!DOCTYPE html><html><title>Sign in to the hotel network</title></html>', {
    status,
    type: 'text/html; charset=utf-8',
  })
}

/** A problem document. */
export function problem(
  type: string,
  detail: string,
  { status = 403, headers = {}, ...more }: BodyOptions & { readonly [member: string]: unknown } = {},
): Answer {
  return body(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, ...more }), {
    status,
    type: 'application/problem+json',
    headers,
  })
}

type Json = Record<string, unknown>

/** The good answer with other members, other fields, or both. */
export function altered(
  change: (json: Json, call: Call) => Json,
  headers: Readonly<Record<string, string | undefined>> = {},
): Answer {
  return async call => {
    const reply = await call.good()
    const json = change((await reply.json()) as Json, call) // the good CA sends objects
    return new Response(JSON.stringify(json), { status: reply.status, headers: merged(reply, headers) })
  }
}

/** The good answer without some fields, or with others. */
export function withFields(headers: Readonly<Record<string, string | undefined>>): Answer {
  return async call => {
    const reply = await call.good()
    return new Response(reply.body, { status: reply.status, headers: merged(reply, headers) })
  }
}

/** The request takes effect, and the connection breaks before the answer, the first `times` times. */
export function lost(times = Number.POSITIVE_INFINITY): Answer {
  return async call => {
    const reply = await call.good()
    return call.count <= times ? 'reset' : reply
  }
}

/** DER, or text that is sent as it is. */
type Chain = readonly Uint8Array[] | string

/** A chain in place of the good one. */
export function chain(make: (good: readonly Uint8Array[], ca: HostileCa) => Chain | Promise<Chain>): Answer {
  return async call => {
    const good = parsePem(await (await call.good()).text(), 'CERTIFICATE')
    const made = await make(good, call.ca)
    const pem = typeof made === 'string' ? made : made.map(der => encodePem('CERTIFICATE', der)).join('')
    return new Response(pem, { headers: { 'content-type': 'application/pem-certificate-chain' } })
  }
}

/** The leaf of a chain, signed once more by the same intermediate with something changed. */
export function resigned(
  good: readonly Uint8Array[],
  { issuer }: HostileCa,
  change: Partial<CertificateTemplate>,
): readonly Uint8Array[] {
  const [leaf = new Uint8Array(), ...rest] = good
  const { publicKey, identifiers, notBefore, notAfter } = parseCertificate(leaf)
  const serialNumber = new Uint8Array([1, 2, 3, 4])
  const template = { serialNumber, issuer: issuer.intermediate, publicKey, identifiers, notBefore, notAfter }
  const key = createPrivateKey(issuer.exportState().intermediateKeyPem)
  return [signCertificate({ ...template, ...change }, key), ...rest]
}

// -------------------------------------------------------------------------------------------------------------------

async function tlsCertificate(
  issuer: LocalIssuer,
  name: string | undefined,
): Promise<{ cert: string; key: string }> {
  const key = await generateKey('ecdsa-p256')
  const now = instant(Date.now())
  const [der = []] = await issuer.issue(
    {
      publicKey: key,
      identifiers: [name === undefined ? { type: 'ip', value: '127.0.0.1' } : { type: 'dns', value: name }],
      notBefore: plusMs(now, -hourMs),
      notAfter: plusMs(now, dayMs),
    },
    { signal: new AbortController().signal },
  )
  return { cert: der.map(one => encodePem('CERTIFICATE', one)).join(''), key: privateKeyPem(key) }
}

function resourceOf(url: string): Resource {
  const [first = '', , third] = url.split('?')[0]?.split('/').slice(1) ?? []
  if (third !== undefined) {
    if (first === 'order') return 'finalize'
    if (first === 'authorization') return 'challenge'
    if (first === 'account') return 'orders'
  }
  return first as Resource // others are not asked
}

async function toRequest(request: IncomingMessage, origin: string): Promise<Request> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part) // no encoding is set
  const { method = 'GET', url = '/', headers } = request
  const given = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as [string, string]] : [],
  )
  return new Request(origin + url, {
    method,
    headers: given,
    ...(method === 'POST' && { body: Buffer.concat(parts) }),
  })
}

async function send(reply: Response | 'reset', response: ServerResponse): Promise<void> {
  if (reply === 'reset') {
    response.socket?.destroy()
    return
  }
  const content = Buffer.from(await reply.arrayBuffer())
  response.writeHead(reply.status, [...reply.headers].flat())
  response.end(content)
}

function merged({ headers }: Response, changes: Readonly<Record<string, string | undefined>>): Headers {
  const fields = new Headers(headers)
  fields.delete('content-length')
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) fields.delete(name)
    else fields.set(name, value)
  }
  return fields
}
