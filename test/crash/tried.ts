/** How much was tried. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Tried } from './kill.ts'

/** Says it, and fails where it is suspiciously little: a test that kills nobody proves nothing. */
export function tried(
  t: TestContext,
  { points, deaths }: Tried,
  { atLeast }: { readonly atLeast: number },
): void {
  t.diagnostic(`${points} points, ${deaths} deaths`)
  assert.ok(points >= atLeast, `only ${points} points were tried`)
}
