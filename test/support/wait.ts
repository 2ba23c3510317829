/** Waiting for something outside the test's process; every wait has a limit. */
import { setTimeout as sleep } from 'node:timers/promises'

const lookAgainMs = 20

/**
 * Looks until `look` finds something, and gives it back.
 * @param what - for the error when the time is over: `the directory of Pebble`
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { timeoutMs = 15_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await sleep(lookAgainMs)
  }
}
