/** Replies: plain values until the last moment. The only place that makes problem documents of errors. */
import { AcmeProblemError, makeProblem, type Problem, type ProblemType } from '../acme/problem.ts'
import type { Url, WireObject } from '../acme/wire.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'

/** What a resource answers. */
export type Reply = {
  /** The default is 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Link header fields beside the one for the directory. */
  readonly links?: readonly Link[]
} & (
  | { readonly json?: WireObject }
  | { readonly problem: Problem }
  | { readonly text: string; readonly contentType: string }
)

export type Link = { readonly url: string; readonly rel: string }

/**
 * HTTP status of each problem type where RFC 8555 names one (orderNotReady §7.4, rateLimited §6.6,
 * userActionRequired §7.3.3, alreadyReplaced RFC 9773 §5), the customary one elsewhere.
 */
const problemStatus: Readonly<Record<ProblemType, number>> = {
  accountDoesNotExist: 400,
  alreadyReplaced: 409,
  alreadyRevoked: 400,
  badCSR: 400,
  badNonce: 400,
  badPublicKey: 400,
  badRevocationReason: 400,
  badSignatureAlgorithm: 400,
  caa: 403,
  compound: 400,
  conflict: 409,
  connection: 400,
  dns: 400,
  externalAccountRequired: 403,
  incorrectResponse: 403,
  invalidContact: 400,
  invalidProfile: 400,
  malformed: 400,
  orderNotReady: 403,
  rateLimited: 429,
  rejectedIdentifier: 400,
  serverInternal: 500,
  tls: 400,
  unauthorized: 403,
  unsupportedContact: 400,
  unsupportedIdentifier: 400,
  userActionRequired: 403,
}

/** A problem of a type, with the status that goes with it. */
export function problem(
  type: ProblemType,
  detail: string,
  rest: Omit<Problem, 'type' | 'detail'> = {},
): Problem {
  return makeProblem(type, detail, { status: problemStatus[type], ...rest })
}

/** The error that ends a request with a problem; to be thrown. */
export function refusal(
  type: ProblemType,
  detail: string,
  rest: Omit<Problem, 'type' | 'detail'> = {},
): AcmeProblemError {
  return new AcmeProblemError('the request is refused', problem(type, detail, rest))
}

/** 404 for whatever is not there, and for what belongs to somebody else: the two look the same. */
export function notFound(what: string): AcmeProblemError {
  return refusal('malformed', `there is no such ${what}`, { status: 404 })
}

/** What a thrown error is to the client: its problem, or `serverInternal` without a word about the inside. */
export function errorReply(error: unknown, log: Logger): Reply {
  if (error instanceof AcmeProblemError) return { problem: error.problem }
  log('error', 'request-failed', { error: messageOf(error) })
  return { problem: problem('serverInternal', 'the server failed to handle the request') }
}

/** The headers that every reply carries (RFC 8555 §6.5, §7.1). */
export type CommonHeaders = { readonly nonce: string; readonly directory: Url }

/** The HTTP response for a reply. */
export function toResponse(reply: Reply, { nonce, directory }: CommonHeaders): Response {
  const { status, body, contentType } = content(reply)
  const headers = new Headers({
    'Replay-Nonce': nonce,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...reply.headers,
  })
  for (const { url, rel } of [{ url: directory, rel: 'index' }, ...(reply.links ?? [])])
    headers.append('Link', `<${url}>;rel="${rel}"`)
  if (contentType !== undefined) headers.set('Content-Type', contentType)
  return new Response(body, { status, headers })
}

function content(reply: Reply): {
  readonly status: number
  readonly body: string | null
  readonly contentType?: string
} {
  if ('problem' in reply) {
    const status = reply.status ?? reply.problem.status ?? 500
    const body = JSON.stringify({ ...reply.problem, status })
    return { status, body, contentType: 'application/problem+json' }
  }
  const status = reply.status ?? 200
  if ('text' in reply) return { status, body: reply.text, contentType: reply.contentType }
  if (reply.json === undefined) return { status, body: null }
  return { status, body: JSON.stringify(reply.json), contentType: 'application/json' }
}
