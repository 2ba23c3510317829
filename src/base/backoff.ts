/** How long to wait before trying again. */

/** A retry policy: the first delay, its growth, its ceiling, and how often at most. */
export type Backoff = {
  readonly firstMs: number
  readonly factor: number
  readonly maxMs: number
  /** Attempts in all, the first one included. */
  readonly attempts: number
}

/**
 * The delay before attempt `attempt + 1`.
 * @param attempt - how many attempts were made, at least 1
 * @param fraction - a random number from 0 up to 1; the delay lies within ±50 % of the nominal one
 * @returns milliseconds, at most `maxMs`
 */
export function backoffMs({ firstMs, factor, maxMs }: Backoff, attempt: number, fraction: number): number {
  const nominal = Math.min(firstMs * factor ** (attempt - 1), maxMs)
  return Math.min(nominal * (0.5 + fraction), maxMs)
}
