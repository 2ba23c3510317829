/** Services that keep certificates, as far as Certwright asks them; whatever else they are asked is an error. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { makeServerCertificate } from './https.ts'
import { tempDirectory } from './temp-directory.ts'

/** One request, as it was sent. */
export type ServiceRequest = {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
export type ServiceReply = { readonly status: number; readonly json?: unknown }

export type Service = AsyncDisposable & {
  readonly url: string
  /** The root of its own certificate. */
  readonly caFile: string
  readonly requests: readonly ServiceRequest[]
  /** Answers in its place, until it is taken away. */
  setFault(fault: ((request: ServiceRequest) => ServiceReply | undefined) | undefined): void
}

/** Starts an HTTPS server for a function. */
export async function startService(answer: (request: ServiceRequest) => ServiceReply): Promise<Service> {
  const directory = await tempDirectory()
  const { certificateFile, keyFile } = await makeServerCertificate(directory.path)
  const requests: ServiceRequest[] = []
  let fault: Parameters<Service['setFault']>[0]
  const pair = { cert: await readFile(certificateFile), key: await readFile(keyFile) }
  const server = createHttpsServer(pair, (incoming, response) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    incoming.once('end', () => {
      const { method = '', url: path = '', headers } = incoming
      const request = { method, path, headers, body }
      requests.push(request)
      const { status, json } = fault?.(request) ?? answer(request)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(json === undefined ? '' : JSON.stringify(json))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `https://127.0.0.1:${port}`,
    caFile: certificateFile,
    requests,
    setFault: next => {
      fault = next
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await directory[Symbol.asyncDispose]()
    },
  }
}

/** An API server with one namespace, `web`; who applies fields that another manager has is refused. */
export function kubernetesWith(
  onSecret: (pair: { readonly cert: string; readonly key: string }) => void,
  { token, namespace = 'web' }: { readonly token: string; readonly namespace?: string },
): (request: ServiceRequest) => ServiceReply {
  const secrets = new Map<
    string,
    { readonly data: Readonly<Record<string, string>>; readonly type: string }
  >()
  const status = (code: number, message: string): ServiceReply => ({
    status: code,
    json: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code },
  })
  return ({ method, path, headers, body }) => {
    if (headers.authorization !== `Bearer ${token}`) return status(401, 'Unauthorized')
    const url = new URL(path, 'https://x')
    const [, name = ''] =
      new RegExp(`^/api/v1/namespaces/${namespace}/secrets/([^/]+)$`).exec(url.pathname) ?? []
    if (name === '') return status(404, `no such resource: ${path}`)
    const present = secrets.get(name)
    const object = (one: NonNullable<typeof present>) => ({ apiVersion: 'v1', kind: 'Secret', ...one })
    if (method === 'GET')
      return present === undefined
        ? status(404, `secrets "${name}" not found`)
        : { status: 200, json: object(present) }
    if (method !== 'PATCH' || headers['content-type'] !== 'application/apply-patch+yaml')
      return status(415, `${method} ${headers['content-type']}`)
    if (url.searchParams.get('fieldManager') !== 'certwright') return status(400, 'fieldManager is required')
    const wanted = JSON.parse(body)
    const { apiVersion, kind, metadata, type, data, ...rest } = wanted
    const isRight =
      apiVersion === 'v1' && kind === 'Secret' && metadata.name === name && metadata.namespace === namespace
    if (!isRight || type !== 'kubernetes.io/tls' || Object.keys(rest).length > 0)
      return status(422, `Secret "${name}" is invalid: ${body}`)
    const text = (field: string) => Buffer.from(data[field] ?? '', 'base64').toString()
    const pair = { cert: text('tls.crt'), key: text('tls.key') }
    if (!isPair(pair))
      return status(422, `Secret "${name}" is invalid: tls.crt and tls.key do not belong together`)
    secrets.set(name, { data, type })
    onSecret(pair)
    return { status: present === undefined ? 201 : 200, json: object({ data, type }) }
  }
}

/** A key-value store of version 2 at the mount `secret`, with check-and-set. */
export function vaultWith(
  onSecret: (fields: Readonly<Record<string, string>>) => void,
  { token, versions }: { readonly token: string; readonly versions: Readonly<Record<string, string>>[] },
): (request: ServiceRequest) => ServiceReply {
  const errors = (status: number, ...texts: readonly string[]): ServiceReply => ({
    status,
    json: { errors: texts },
  })
  return ({ method, path, headers, body }) => {
    if (headers['x-vault-token'] !== token || headers['x-vault-request'] !== 'true')
      return errors(403, 'permission denied')
    if (path !== '/v1/secret/data/tls/mail') return errors(404, `no handler for route "${path}"`)
    const last = versions.at(-1)
    const metadata = { version: versions.length, destroyed: false }
    if (method === 'GET')
      return last === undefined ? errors(404) : { status: 200, json: { data: { data: last, metadata } } }
    const { options, data, ...rest } = JSON.parse(body)
    if (method !== 'POST' || Object.keys(rest).length > 0 || Object.keys(options).join() !== 'cas')
      return errors(400, `unexpected: ${method} ${body}`)
    if (options.cas !== versions.length)
      return errors(400, 'check-and-set parameter did not match the current version')
    versions.push(data)
    onSecret(data)
    return { status: 200, json: { data: { version: versions.length } } }
  }
}

function isPair({ cert, key }: { readonly cert: string; readonly key: string }): boolean {
  try {
    createTlsServer({ cert, key })
    return true
  } catch {
    return false
  }
}

export type TlsEndpoint = AsyncDisposable & {
  readonly port: number
  /** Shows this pair from now on, unless it is stuck. */
  readonly show: (pair: { readonly cert: string; readonly key: string }) => void
  setStuck(stuck: boolean): void
  /** Fingerprint of what is shown. */
  shown(): string
}

/** What a cluster or an agent does with a secret: it is shown at an address. */
export async function startTlsEndpoint(): Promise<TlsEndpoint> {
  await using directory = await tempDirectory()
  const { certificateFile, keyFile } = await makeServerCertificate(directory.path, ['old.example'])
  const [cert, key] = [await readFile(certificateFile, 'utf8'), await readFile(keyFile, 'utf8')]
  const server = createTlsServer({ cert, key }, socket => socket.on('error', () => {}).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  let [now, stuck] = [cert, false]
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    show: pair => {
      if (stuck) return
      server.setSecureContext(pair)
      now = pair.cert
    },
    setStuck: next => {
      stuck = next
    },
    shown: () => new X509Certificate(now).fingerprint256,
    [Symbol.asyncDispose]: async () => {
      await new Promise(resolve => server.close(resolve))
    },
  }
}
