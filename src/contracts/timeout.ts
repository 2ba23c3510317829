/** How long something may take, as people write it. */
import { parseDurationMs } from '../base/duration.ts'
import { dayMs, minuteMs, secondMs } from '../base/instant.ts'
import { v } from '../base/schema.ts'

const shortest = secondMs
const longest = dayMs
/** Longer is not waited, because other certificates are waiting, too. */
const longestServedWithin = 10 * minuteMs

/** Schema of such a time; `parseDurationMs` reads what has passed it. @internal */
export const timeoutSchema = v.pipe(
  v.string(),
  v.check(isUpTo(longest), 'must be a time from 1 s to 24 h, such as 90 s or 5 min'),
)

/** Schema of the time that may pass until a new certificate is seen. @internal */
export const servedWithinSchema = v.pipe(
  v.string(),
  v.check(isUpTo(longestServedWithin), 'must be a time from 1 s to 10 min'),
)

function isUpTo(limitMs: number): (text: string) => boolean {
  return text => {
    try {
      const ms = parseDurationMs(text)
      return ms >= shortest && ms <= limitMs
    } catch {
      return false
    }
  }
}
