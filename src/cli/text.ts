/** Pieces of text that commands share. */
import { styleText } from 'node:util'
import { formatDuration } from '../base/duration.ts'
import { formatInstant, type Instant } from '../base/instant.ts'
import { mayShowColours } from '../runtime/node/standard-output.ts'

/** `2027-01-20T03:00:00Z (in 60 d)`. */
export function whenText(at: Instant, now: Instant): string {
  const span = formatDuration(at - now)
  return `${formatInstant(at)} (${at >= now ? `in ${span}` : `${span} ago`})`
}

/** Colours text when colours are wanted and stdout shows them. */
export function styled(color: boolean, format: 'green' | 'red' | 'yellow' | 'bold', text: string): string {
  return color && mayShowColours() ? styleText(format, text, { stream: process.stdout }) : text
}
