/** Renewal information (RFC 9773 §4.2). */
import { formatInstant, type Instant } from '../base/instant.ts'
import { v } from '../base/schema.ts'
import { instantSchema, parseObject, type WireObject } from './wire.ts'

export type RenewalInfo = {
  readonly suggestedWindow: { readonly start: Instant; readonly end: Instant }
  /** A page that explains the window, to be shown to a person. */
  readonly explanationURL?: string
}

const renewalInfoSchema = v.object({
  suggestedWindow: v.pipe(
    v.object({ start: instantSchema, end: instantSchema }),
    v.check(({ start, end }) => start < end, 'ends before it starts'),
  ),
  explanationURL: v.optional(v.string()),
})

/**
 * Reads renewal information.
 * @throws AppError ERR_REPLY_INVALID, also for a window that ends before it starts
 */
export function parseRenewalInfo(value: unknown): RenewalInfo {
  return parseObject('renewal information', renewalInfoSchema, value) as RenewalInfo // absent members stay absent
}

/** Renewal information as it is sent; the inverse of {@link parseRenewalInfo}. */
export function writeRenewalInfo({ suggestedWindow: { start, end }, ...rest }: RenewalInfo): WireObject {
  return { ...rest, suggestedWindow: { start: formatInstant(start), end: formatInstant(end) } }
}
