/** Randomness for jitter and names. Keys and tokens come from `node:crypto` alone. */

export interface Random {
  /** A number from 0 up to, but not including, 1. */
  fraction(): number
  /** `length` random characters of `a-z0-9`, for names of files and runs. */
  id(length: number): string
}
