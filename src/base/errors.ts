/**
 * The errors of Certwright: one class, one registry of codes.
 *
 * Callers test `code`, never text. `docs/errors.md` is generated from the registry.
 */
import type { Instant } from './instant.ts'

/** Every code that an {@link AppError} can carry, with what it means in one sentence. */
export const errorCodes = {
  ERR_USAGE: 'The command line cannot be understood.',
  ERR_ABORTED: 'The operation was cancelled or ran into its deadline.',
  ERR_FORMAT: 'A value does not have the form it must have.',
  ERR_SIGNATURE_ALGORITHM: 'A request is signed with an algorithm that is not accepted.',
  ERR_CONFIG: 'The configuration has mistakes; each is listed with file, line and key.',
  ERR_CONFIG_READ: 'A configuration file cannot be read or written.',
  ERR_IDENTIFIER: 'A name or address cannot be put into a certificate.',
  ERR_TERMS: "The CA's terms of service have not been agreed to.",
  ERR_NETWORK: 'A server could not be reached or broke off the connection.',
  ERR_STARTTLS: 'A server did not change from plain text to TLS.',
  ERR_TIMEOUT: 'A server did not answer in time.',
  ERR_REPLY_LOST: 'The connection broke after a request was sent; whether it took effect is not known.',
  ERR_REPLY_TOO_LARGE: 'A server sent more than the allowed number of bytes.',
  ERR_REPLY_INVALID: 'A server answered something that the protocol does not allow.',
  ERR_ACME_PROBLEM: 'The CA refused a request and said why.',
  ERR_RATE_LIMITED: 'The CA asks to come back later.',
  ERR_ACCOUNT: 'The ACME account is missing or cannot be used.',
  ERR_ORDER: 'An order did not lead to a certificate.',
  ERR_AUTHORIZATION: 'The CA could not validate control over an identifier.',
  ERR_CERTIFICATE_MISMATCH: 'The CA sent a certificate that is not the one asked for.',
  ERR_CHALLENGE: 'A challenge cannot be answered with the configured solver.',
  ERR_WEBROOT: 'A challenge file cannot be written safely below the webroot.',
  ERR_LISTEN: 'An address and port cannot be listened on.',
  ERR_SELF_CHECK: 'The challenge response is not visible the way the CA will look for it.',
  ERR_STORE: 'The state directory cannot be read or written.',
  ERR_STORE_CORRUPT: 'A stored file does not have the content it was written with.',
  ERR_LOCKED: 'Another Certwright process is at work on the same thing.',
  ERR_NOT_FOUND: 'There is no certificate or account of that name.',
  ERR_DEPLOY: 'A target could not be given the certificate.',
  ERR_DEPLOY_UNUSED: 'No part of the server configuration uses the certificate files.',
  ERR_DEPLOY_BROKEN_BEFORE: 'The server configuration was broken before anything was changed.',
  ERR_NOT_SERVED: 'An endpoint does not serve the certificate that was deployed.',
  ERR_EXEC: 'A program could not be run or failed.',
  ERR_HOOK: 'A hook could not be run or failed.',
  ERR_NOTIFY: 'A notification or a heartbeat could not be delivered.',
  ERR_CLOCK: 'The clock of this machine cannot be right.',
  ERR_GUARD: 'What is planned looks like a mistake, and was not carried out.',
  ERR_UNSUPPORTED: 'This is not possible here.',
} as const

/** A stable name for a kind of failure. */
export type ErrorCode = keyof typeof errorCodes

/** What an {@link AppError} carries beside its message. */
export type AppErrorOptions = {
  /** What a person can do now. */
  readonly hint?: string | undefined
  /** The error that led to this one. */
  readonly cause?: unknown
  /** The earliest time at which trying again makes sense. */
  readonly retryAt?: Instant | undefined
  /** Whether it will be the same until a person changes something; false when absent. */
  readonly lasting?: boolean | undefined
}

/** A failure with a stable code, a message that says what failed on what, and a hint. */
export class AppError extends Error {
  override readonly name: string = 'AppError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retryAt: Instant | undefined
  readonly lasting: boolean

  constructor(code: ErrorCode, message: string, { hint, cause, retryAt, lasting }: AppErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
    this.retryAt = retryAt
    this.lasting = lasting ?? false
  }
}

/** Whether a value is an {@link AppError}, with one of the given codes if any are given. */
export function isAppError(value: unknown, ...codes: readonly ErrorCode[]): value is AppError {
  return value instanceof AppError && (codes.length === 0 || codes.includes(value.code))
}

/** The message of anything that was thrown; system errors keep their code in it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system error (`ENOENT`, `ECONNREFUSED`), if it is one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Fails to compile when a union has a case that was not handled, and throws if it happens all the same. */
export function assertNever(value: never): never {
  throw new TypeError(`unhandled case: ${JSON.stringify(value)}`)
}
