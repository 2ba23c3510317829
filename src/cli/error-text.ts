/** Errors for people and for programs. */
import { styleText } from 'node:util'
import { AppError, isAppError } from '../base/errors.ts'
import { formatInstant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'

/** `error:` in one line (more where several things failed), then `hint:` with what to do. */
export function describeError(
  error: unknown,
  { color, verbose }: { readonly color: boolean; readonly verbose: boolean },
): string {
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
export function errorJson(error: unknown): Record<string, unknown> {
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

// Our own messages may have several lines; whatever came from outside in them is escaped line by line.
function lines(text: string): string {
  return text
    .split('\n')
    .map((line, index) => (index === 0 ? printable(line, 4_000) : `  ${printable(line, 4_000)}`))
    .join('\n')
}
