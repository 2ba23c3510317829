/** Programs around an issuance, as people write them. Pure. */
import { parseDurationMs } from '../../base/duration.ts'
import { dayMs, minuteMs, secondMs } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Hooks } from '../spec.ts'

const shortest = secondMs
const longest = dayMs
const usual = minuteMs

const command = v.pipe(
  v.array(v.pipe(v.string(), v.nonEmpty('must not be empty'))),
  v.nonEmpty('must name a program'),
)

/** Schema of `hooks:`. @internal */
export const hooksSchema = v.strictObject({
  before: v.optional(v.array(command)),
  after: v.optional(v.array(command)),
  timeout: v.optional(
    v.pipe(v.string(), v.check(isTimeout, 'must be a time from 1 s to 24 h, such as 90 s or 5 min')),
  ),
})

function isTimeout(text: string): boolean {
  try {
    const ms = parseDurationMs(text)
    return ms >= shortest && ms <= longest
  } catch {
    return false
  }
}

/** The hooks of an entry; absent where there is no program. */
export function readHooks(entry: v.InferOutput<typeof hooksSchema> = {}): Hooks | undefined {
  const { before = [], after = [], timeout } = entry
  if (before.length + after.length === 0) return undefined
  return { before, after, timeoutMs: timeout === undefined ? usual : parseDurationMs(timeout) }
}
