/** What a failure means for people. Pure. */
import type { AppError, ErrorCode } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'

/** The kinds of notification that a failure leads to. */
export type FailureKind = 'failed' | 'deploy-not-effective' | 'action-needed'

/** Trying again cannot cure these: somebody has to change something. */
const forPeople: ReadonlySet<ErrorCode> = new Set([
  'ERR_ACCOUNT',
  'ERR_CHALLENGE',
  'ERR_CLOCK',
  'ERR_CONFIG',
  'ERR_CONFIG_READ',
  'ERR_FORMAT',
  'ERR_GUARD',
  'ERR_IDENTIFIER',
  'ERR_NOT_FOUND',
  'ERR_STORE_CORRUPT',
  'ERR_TERMS',
  'ERR_UNSUPPORTED',
  'ERR_USAGE',
])

/** These mostly pass by themselves. */
const passing: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_LOCKED',
  'ERR_NETWORK',
  'ERR_RATE_LIMITED',
  'ERR_REPLY_INVALID',
  'ERR_REPLY_LOST',
  'ERR_REPLY_TOO_LARGE',
  'ERR_TIMEOUT',
])

/**
 * The kind of a failure.
 * @param delivering - whether there was a new certificate already and a target did not take it
 */
export function failureKind(
  { code, lasting }: Pick<AppError, 'code' | 'lasting'>,
  { delivering }: { readonly delivering: boolean },
): FailureKind {
  if (lasting || forPeople.has(code)) return 'action-needed'
  // The certificate is in use; what follows it is somebody's program.
  if (delivering && code === 'ERR_HOOK') return 'action-needed'
  return delivering ? 'deploy-not-effective' : 'failed'
}

/** Whether a failure may well be over at the next attempt. */
export function isPassing(code: string): boolean {
  return passing.has(code)
}

/** A message with one escaped line for each of its lines, and a limit. */
export function shownCause(message: string): string {
  const lines = message.split('\n')
  const shown = lines.slice(0, maxLines).map(line => printable(line))
  return [...shown, ...(lines.length > maxLines ? [`… and ${lines.length - maxLines} more`] : [])].join('\n')
}

/** An endpoint that is not served has a line; more than these are one cause all the same. */
const maxLines = 10

/**
 * What is equal for failures of the same cause: numbers, identifiers and URLs, which change from one attempt to the
 * next, are left out.
 */
export function causeSignature({ code, message }: Pick<AppError, 'code' | 'message'>): string {
  const steady = message
    .replace(/https?:\/\/\S+/g, 'URL')
    .replace(/\b[0-9a-f]{8,}\b/gi, '#')
    .replace(/\d+/g, '#')
  return `${code} ${steady.slice(0, maxSignature)}`
}

const maxSignature = 200
