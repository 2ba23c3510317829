/** Problem documents (RFC 9457 as RFC 8555 §6.7 uses it). */
import { AppError, type AppErrorOptions, type ErrorCode } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { parseWith, v } from '../base/schema.ts'
import { type Identifier, identifierSchema } from './identifier.ts'

/** Error types of RFC 8555 §6.7, RFC 9773 §7.3 and the profiles draft, without their prefix. */
export const problemTypes = [
  'accountDoesNotExist',
  'alreadyReplaced',
  'alreadyRevoked',
  'badCSR',
  'badNonce',
  'badPublicKey',
  'badRevocationReason',
  'badSignatureAlgorithm',
  'caa',
  'compound',
  'conflict',
  'connection',
  'dns',
  'externalAccountRequired',
  'incorrectResponse',
  'invalidContact',
  'invalidProfile',
  'malformed',
  'orderNotReady',
  'rateLimited',
  'rejectedIdentifier',
  'serverInternal',
  'tls',
  'unauthorized',
  'unsupportedContact',
  'unsupportedIdentifier',
  'userActionRequired',
] as const
/** One of the field's error types. */
export type ProblemType = (typeof problemTypes)[number]

export const problemPrefix = 'urn:ietf:params:acme:error:'

/** A value, never thrown; {@link AcmeProblemError} carries one. Text in it is the CA's own and must be escaped to be shown. */
export type Problem = {
  /** A URI; the field's own begin with {@link problemPrefix}. */
  readonly type: string
  readonly detail?: string
  /** The HTTP status it came with. */
  readonly status?: number
  readonly title?: string
  readonly instance?: string
  readonly subproblems?: readonly (Problem & { readonly identifier?: Identifier })[]
  /** Signature algorithms the server takes, with `badSignatureAlgorithm` (§6.2). */
  readonly algorithms?: readonly string[]
}

const plainProblem = {
  type: v.fallback(v.pipe(v.string(), v.maxLength(300)), 'about:blank'),
  detail: v.optional(v.fallback(v.string(), '')),
  status: v.optional(v.number()),
  title: v.optional(v.string()),
  instance: v.optional(v.string()),
  algorithms: v.optional(v.array(v.string())),
}
const subproblemSchema = v.object({ ...plainProblem, identifier: v.optional(identifierSchema) })
/** Schema of a problem document. Lenient: an error must stay readable even when it is badly written. @internal */
export const problemSchema = v.object({
  ...plainProblem,
  subproblems: v.optional(v.fallback(v.pipe(v.array(subproblemSchema), v.maxLength(1_000)), [])),
}) as v.GenericSchema<unknown, Problem> // valibot writes optional members as `| undefined`; absent ones stay absent

/** Reads a problem document; anything else becomes `about:blank` without detail. */
export function parseProblem(value: unknown): Problem {
  const parsed = parseWith(problemSchema, value)
  return parsed.ok ? parsed.value : { type: 'about:blank' }
}

/** Whether a problem is of one of the field's types. */
export function isProblem(problem: Problem | undefined, ...types: readonly ProblemType[]): boolean {
  return problem !== undefined && types.some(type => problem.type === problemPrefix + type)
}

/** The problem in one line, escaped: `unauthorized: … (www.example.com: …)`. */
export function describeProblem(problem: Problem): string {
  const type = printable(
    problem.type.startsWith(problemPrefix) ? problem.type.slice(problemPrefix.length) : problem.type,
    100,
  )
  const text = printable(problem.detail || problem.title || 'without explanation') // also where one is empty
  const parts = (problem.subproblems ?? []).slice(0, 10).map(part => {
    const who = part.identifier === undefined ? '' : `${printable(part.identifier.value, 100)}: `
    return who + printable(part.detail ?? part.type, 300)
  })
  const prefix = problem.type === 'about:blank' ? '' : `${type}: ` // RFC 9457 §4.2.1: nothing beyond the HTTP status
  return `${prefix}${text}${parts.length === 0 ? '' : ` (${parts.join('; ')})`}`
}

/** The CA refused a request. */
export class AcmeProblemError extends AppError {
  override readonly name = 'AcmeProblemError'
  readonly problem: Problem

  /** @param options - `code` where the problem document alone does not tell it */
  constructor(
    message: string,
    problem: Problem,
    { code, ...options }: AppErrorOptions & { readonly code?: ErrorCode | undefined } = {},
  ) {
    super(
      code ?? (isProblem(problem, 'rateLimited') ? 'ERR_RATE_LIMITED' : 'ERR_ACME_PROBLEM'),
      `${message}: ${describeProblem(problem)}`,
      options,
    )
    this.problem = problem
  }
}

/** Whether `error` carries a problem of one of the given types. */
export function isProblemError(error: unknown, ...types: readonly ProblemType[]): error is AcmeProblemError {
  return error instanceof AcmeProblemError && isProblem(error.problem, ...types)
}

/**
 * A problem of one of the field's types.
 * @param detail - for a person; text from outside in it must have gone through `printable`
 */
export function makeProblem(
  type: ProblemType,
  detail: string,
  rest: Omit<Problem, 'type' | 'detail'> = {},
): Problem {
  return { type: problemPrefix + type, detail, ...rest }
}
