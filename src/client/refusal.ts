/** Turning what went wrong into errors that name the CA, the step and the reason. */
import { AcmeProblemError, isProblem, type Problem, type ProblemType, parseProblem } from '../acme/problem.ts'
import { AppError, type ErrorCode, isAppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import type { Authority } from './authority.ts'
import {
  describeContent,
  invalidReply,
  linkTargets,
  mediaTypeOf,
  noAcmeHint,
  parseJson,
  type Reply,
  readRetryAt,
} from './reply.ts'

/** What was asked of whom. */
export type Request = {
  readonly authority: Authority
  readonly task: string
  /** Whether it changes anything at the CA. */
  readonly effect: boolean
}

/**
 * The problem document in a reply, with the status it came with.
 * @returns `undefined` where there is none that can be read
 */
export function problemOf(reply: Reply): Problem | undefined {
  if (reply.status < 400) return undefined
  // Some CAs send problem documents as plain JSON.
  if (!['application/problem+json', 'application/json'].includes(mediaTypeOf(reply))) return undefined
  try {
    return { ...parseProblem(parseJson(reply)), status: reply.status }
  } catch (error) {
    if (isAppError(error)) return undefined // the caller shows what came instead
    throw error
  }
}

/**
 * The error for a reply that is not a success: AcmeProblemError with the HTTP status in its problem and `retryAt` from
 * Retry-After. ERR_RATE_LIMITED where the CA asks to come back later, ERR_ACME_PROBLEM for any other problem document,
 * ERR_REPLY_INVALID where it sent something else (HTML of a proxy, a redirect).
 */
export function refusal(reply: Reply): AppError {
  const { status, authority, task } = reply
  if (status < 400) return invalidReply(reply, describeContent(reply))
  const readable = problemOf(reply)
  const problem = readable ?? { type: 'about:blank', status, detail: describeContent(reply) }
  const retryAt = readRetryAt(reply)
  const later =
    isProblem(problem, 'rateLimited') || status === 429 || (status === 503 && retryAt !== undefined)
  const code: ErrorCode = later ? 'ERR_RATE_LIMITED' : readable ? 'ERR_ACME_PROBLEM' : 'ERR_REPLY_INVALID'
  return new AcmeProblemError(`${authority.host} refused to ${task}`, problem, {
    code,
    retryAt,
    hint: hintFor(problem, reply),
  })
}

function hintFor(problem: Problem, reply: Reply): string | undefined {
  const page = (url: string | undefined) => (url === undefined ? undefined : `see ${printable(url, 300)}`)
  const [help] = linkTargets(reply, 'help')
  if (isProblem(problem, 'badSignatureAlgorithm')) {
    const { algorithms = [] } = problem
    if (algorithms.length === 0) return 'use an account key with another algorithm; every CA takes ES256'
    return `the CA takes ${printable(algorithms.join(', '), 200)}: use an account key for one of them`
  }
  if (isProblem(problem, 'userActionRequired')) {
    const [terms] = linkTargets(reply, 'terms-of-service')
    return (
      page(problem.instance ?? terms ?? help) ?? 'agree to the terms of the CA, or ask it what is missing'
    )
  }
  if (isProblem(problem, 'externalAccountRequired')) {
    return 'get a key id and an HMAC key from the CA and give them as the external account'
  }
  if (problem.type === 'about:blank' && problem.status === 404) return 'check that the directory URL is right'
  return page(help) ?? hints.find(({ types }) => isProblem(problem, ...types))?.text ?? generalHint(problem)
}

const hints: readonly { readonly types: readonly ProblemType[]; readonly text: string }[] = [
  { types: ['badNonce'], text: 'try again later: the servers of the CA do not know each other’s nonces' },
  {
    types: ['rejectedIdentifier', 'unsupportedIdentifier', 'caa'],
    text: 'this CA does not certify it: ask for other names, or ask another CA',
  },
  { types: ['invalidContact', 'unsupportedContact'], text: 'correct the mail address of the account' },
  {
    types: ['unauthorized', 'accountDoesNotExist'],
    text: 'the account may be deactivated, or its external key wrong: certwright account show asks the CA',
  },
  { types: ['badCSR', 'badPublicKey'], text: 'the CA may want another kind of key: see its documentation' },
]

function generalHint({ status = 0 }: Problem): string {
  if (status >= 500) return 'try again later; where it goes on, ask those who run the CA'
  if (status === 429) return 'try again later; the CA documents its limits'
  return 'the reason is the CA’s own: see its documentation, or ask those who run it'
}

/** The error of an HTTP exchange, with what was asked of whom; cancellation passes unchanged. */
export function exchangeFailure(error: unknown, { authority: { host }, task, effect }: Request): unknown {
  if (!isAppError(error, 'ERR_NETWORK', 'ERR_TIMEOUT', 'ERR_REPLY_LOST', 'ERR_REPLY_TOO_LARGE')) return error
  const { code, message, hint, retryAt, lasting } = error
  if (code === 'ERR_REPLY_LOST' && effect) return lostReply(error, { host, task })
  const said = `${host} could not be asked to ${task}: ${message}`
  if (code === 'ERR_REPLY_LOST') {
    // What was only read has no effect to be unsure of.
    const text = 'try again later; where it goes on, see what stands between this host and the CA'
    return new AppError('ERR_NETWORK', said, { cause: error, retryAt, hint: text })
  }
  const usual = code === 'ERR_REPLY_TOO_LARGE' ? noAcmeHint : undefined
  return new AppError(code, said, { cause: error, retryAt, hint: hint ?? usual, lasting })
}

/** The error for an effect whose outcome is not known. */
export function lostReply(
  cause: AppError,
  { host, task }: { readonly host: string; readonly task: string },
): AppError {
  return new AppError(
    'ERR_REPLY_LOST',
    `${host} was asked to ${task}, but its answer was lost: ${cause.message}`,
    {
      cause,
      hint: 'whether it took effect is not known; trying again asks the CA first',
      retryAt: cause.retryAt,
    },
  )
}
