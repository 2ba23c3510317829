/** Whether the clock of this machine can be right. Pure. */
import { formatDuration } from '../base/duration.ts'
import { AppError } from '../base/errors.ts'
import { formatInstant, hourMs, type Instant, plusMs } from '../base/instant.ts'

/** A clock may be wrong by this much without anybody having to ask why; certificates are dated back by as much. */
export const clockToleranceMs = hourMs

/**
 * What the time of a CA says about ours.
 * @param aheadMs - how far the CA's clock is ahead of ours; `undefined` where it does not say
 * @returns ERR_CLOCK where the clocks are too far apart to order anything by ours
 */
export function clockError(
  authority: string,
  { aheadMs, now }: { readonly aheadMs: number | undefined; readonly now: Instant },
): AppError | undefined {
  if (aheadMs === undefined || Math.abs(aheadMs) <= clockToleranceMs) return undefined
  const theirs = formatInstant(plusMs(now, aheadMs))
  const side = aheadMs > 0 ? 'behind' : 'ahead of'
  return new AppError(
    'ERR_CLOCK',
    `the clock says ${formatInstant(now)}, ${formatDuration(aheadMs)} ${side} that of ${authority}, which says ${theirs}`,
    { hint: 'set the clock (timedatectl shows it), then run the command again; nothing was ordered' },
  )
}
