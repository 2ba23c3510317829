/** Errors for people and for programs. */
import { styleText } from 'node:util'
import { AppError, isAppError } from '../base/errors.ts'
import { formatInstant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'

/** A message of nginx about a hundred names still fits. */
const maxLineLength = 4_000

/** Where giving something back failed too, what failed before that is what matters. */
function firstFailure(error: unknown): unknown {
  let first = error
  while (first instanceof Error && first.name === 'SuppressedError' && 'suppressed' in first)
    first = first.suppressed
  return first
}

/** `error:` in one line (more where several things failed), then `hint:` with what to do. */
export function describeError(
  thrown: unknown,
  { color, verbose }: { readonly color: boolean; readonly verbose: boolean },
): string {
  const error = firstFailure(thrown)
  const style = (format: 'red' | 'cyan', text: string) =>
    color ? styleText(format, text, { stream: process.stderr }) : text
  if (!isAppError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return `${style('red', 'error:')} this is a defect of Certwright: ${lines(text)}\n`
  }
  const parts = [`${style('red', 'error:')} ${lines(error.message)}`]
  if (error.retryAt !== undefined)
    parts.push(`${style('cyan', 'retry:')} not before ${formatInstant(error.retryAt)}`)
  if (error.hint !== undefined) parts.push(`${style('cyan', 'hint:')} ${lines(error.hint)}`)
  if (verbose) {
    parts.push(`code: ${error.code}`)
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
      parts.push(`cause: ${lines(cause.message)}`)
  }
  return `${parts.join('\n')}\n`
}

/** The stable form of an error in `--json`. */
export function errorJson(thrown: unknown): Record<string, unknown> {
  const error = firstFailure(thrown)
  if (!(error instanceof AppError))
    return { code: 'ERR_INTERNAL', message: error instanceof Error ? error.message : String(error) }
  return {
    code: error.code,
    message: error.message,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.retryAt !== undefined && { retryAt: formatInstant(error.retryAt) }),
    ...('issues' in error && { issues: error.issues }),
  }
}

/** What a person is told about a failure, also one that was read from a journal. */
export type Failure = { readonly message: string; readonly hint?: string | undefined }

/** A failure as lines of a report: the message, then `hint:` with what to do. */
export function failureLines({ message, hint }: Failure): readonly string[] {
  return [...ownLines(message), ...(hint === undefined ? [] : ownLines(`hint: ${hint}`))]
}

/** A message in one line. */
export function inOneLine(message: string): string {
  return ownLines(message).join('; ')
}

// Our own messages may have several lines; whatever came from outside in them is escaped line by line.
function ownLines(text: string): readonly string[] {
  return text.split('\n').map(line => printable(line, maxLineLength))
}

function lines(text: string): string {
  return ownLines(text).join('\n  ')
}
