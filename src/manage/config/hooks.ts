/** Programs around an issuance, as people write them. Pure. */
import { parseDurationMs } from '../../base/duration.ts'
import { minuteMs } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { commandSchema } from '../../contracts/files-target.ts'
import { timeoutSchema } from '../../contracts/timeout.ts'
import type { Hooks } from '../spec.ts'

const usual = minuteMs

/** Schema of `hooks:`. @internal */
export const hooksSchema = v.strictObject({
  before: v.optional(v.array(commandSchema)),
  after: v.optional(v.array(commandSchema)),
  timeout: v.optional(timeoutSchema),
})

/** The hooks of an entry; absent where there is no program. */
export function readHooks(entry: v.InferOutput<typeof hooksSchema> = {}): Hooks | undefined {
  const { before = [], after = [], timeout } = entry
  if (before.length + after.length === 0) return undefined
  return { before, after, timeoutMs: timeout === undefined ? usual : parseDurationMs(timeout) }
}
