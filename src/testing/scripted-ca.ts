/** A CA that answers by script: it keeps count of its nonces, and everything else is what the test says. */
import { type ProblemType, problemPrefix } from '../acme/problem.ts'
import { AppError } from '../base/errors.ts'
import { type ParsedJws, parseJws } from '../jose/jws.ts'
import type { HttpExchange, HttpReply, HttpRequest } from '../runtime/http.ts'
import { textReply } from './fake-network.ts'

export const scriptedOrigin = 'https://ca.example'

/** A request as the CA got it. */
export type ReceivedRequest = {
  readonly method: HttpRequest['method']
  readonly path: string
  readonly request: HttpRequest
  /** Of the signature; `undefined` for a plain GET or HEAD. */
  readonly header: ParsedJws['header'] | undefined
  /** Parsed JSON; the empty text for a POST-as-GET. */
  readonly payload: unknown
}

/** A reply, or an error instead of one: `ERR_NETWORK` before, `ERR_REPLY_LOST` after the CA got the request. */
export type ScriptedAnswer = HttpReply | AppError | ((received: ReceivedRequest) => HttpReply | AppError)

export type ScriptedCa = {
  readonly http: HttpExchange
  readonly directory: string
  /** Queues answers for a path; a request without one fails the test. */
  readonly on: (path: string, ...answers: readonly ScriptedAnswer[]) => ScriptedCa
  /** All requests so far. */
  readonly received: readonly ReceivedRequest[]
  /** `POST /new-order`, … without the requests for the directory and for nonces. */
  readonly trace: () => readonly string[]
  /** Makes the CA forget every nonce it gave out, as a restart does. */
  readonly forgetNonces: () => void
}

export const scriptedDirectory = {
  newNonce: `${scriptedOrigin}/new-nonce`,
  newAccount: `${scriptedOrigin}/new-account`,
  newOrder: `${scriptedOrigin}/new-order`,
  revokeCert: `${scriptedOrigin}/revoke-cert`,
  keyChange: `${scriptedOrigin}/key-change`,
  renewalInfo: `${scriptedOrigin}/renewal-info`,
  meta: { profiles: { classic: 'The usual one' } },
}

/** A CA at {@link scriptedOrigin} that refuses nonces it did not give out, or gave out for an earlier request. */
export function scriptedCa(): ScriptedCa {
  const answers = new Map<string, ScriptedAnswer[]>()
  const received: ReceivedRequest[] = []
  const nonces = new Set<string>()
  let given = 0
  const newNonce = (): string => {
    given += 1
    const nonce = `nonce-${given}`
    nonces.add(nonce)
    return nonce
  }
  const withNonce = (reply: HttpReply): HttpReply => {
    if (reply.headers.has('replay-nonce')) return reply
    return { ...reply, headers: new Map([...reply.headers, ['replay-nonce', newNonce()]]) }
  }

  const answer = (got: ReceivedRequest): HttpReply | AppError => {
    const scripted = answers.get(got.path)?.shift()
    if (scripted !== undefined) return typeof scripted === 'function' ? scripted(got) : scripted
    if (got.path === '/directory') return jsonReply(200, scriptedDirectory)
    if (got.path === '/new-nonce') return withNonce(textReply(200, ''))
    throw new Error(`no answer is scripted for ${got.method} ${got.path}`)
  }

  const http: HttpExchange = async (url, request) => {
    request.signal?.throwIfAborted()
    const jws = request.body === undefined ? undefined : parseJws(JSON.parse(request.body))
    const payload = jws && (jws.payload.length === 0 ? '' : JSON.parse(Buffer.from(jws.payload).toString()))
    const path = url.startsWith(`${scriptedOrigin}/`) ? url.slice(scriptedOrigin.length) : url
    const got = { method: request.method, path, request, header: jws?.header, payload }
    const fresh = jws === undefined || nonces.delete(jws.header.nonce ?? '')
    received.push(got)
    const reply = fresh ? answer(got) : problemReply(400, 'badNonce')
    if (reply instanceof AppError) throw reply
    if (reply.body.length > (request.maxBodyBytes ?? 64 * 1024)) {
      throw new AppError('ERR_REPLY_TOO_LARGE', `the answer of ${url} is too large`)
    }
    return jws === undefined ? reply : withNonce(reply)
  }

  const ca: ScriptedCa = {
    http,
    directory: `${scriptedOrigin}/directory`,
    received,
    on: (path, ...more) => {
      answers.set(path, [...(answers.get(path) ?? []), ...more])
      return ca
    },
    trace: () =>
      received
        .filter(({ path }) => path !== '/directory' && path !== '/new-nonce')
        .map(({ method, path, payload }) => `${method}${payload === '' ? '-as-GET' : ''} ${path}`),
    forgetNonces: () => nonces.clear(),
  }
  return ca
}

type Headers = Readonly<Record<string, string>>

/** A JSON reply. */
export function jsonReply(status: number, value: unknown, headers: Headers = {}): HttpReply {
  return textReply(status, JSON.stringify(value), { 'content-type': 'application/json', ...headers })
}

/** A problem document. */
export function problemReply(
  status: number,
  type: ProblemType,
  more: Readonly<Record<string, unknown>> = {},
  headers: Headers = {},
): HttpReply {
  const problem = { type: problemPrefix + type, detail: `a case of ${type}`, status, ...more }
  return textReply(status, JSON.stringify(problem), {
    'content-type': 'application/problem+json',
    ...headers,
  })
}

/** The connection breaks after the request was sent. */
export const replyLost = new AppError('ERR_REPLY_LOST', 'the connection broke')
/** The request is not sent. */
export const notSent = new AppError('ERR_NETWORK', 'connection refused')
