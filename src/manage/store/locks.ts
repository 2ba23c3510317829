/** One process at a time on one certificate or account. */

import { formatDuration } from '../../base/duration.ts'
import { AppError } from '../../base/errors.ts'
import type { Lock } from '../../runtime/lock.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { storeStep } from './documents.ts'
import { lockPath } from './paths.ts'

/** How long a second process waits before it gives up; an issuance rarely takes longer. */
export const lockWaitMs = 60_000
const lockPollMs = 200

export type LockOptions = {
  /** What is being done, for the one who waits: `renew example.com`. */
  readonly about: string
  readonly waitMs?: number
  /** Called once, when the lock is held by somebody else. */
  readonly onWait?: (holder: string) => void
  readonly signal: AbortSignal
}

/**
 * Takes a lock of the state directory, waiting for its holder.
 * @throws AppError ERR_LOCKED that names the holder, ERR_STORE
 */
export async function takeLock(
  state: string,
  name: string,
  { about, waitMs = lockWaitMs, onWait, signal }: LockOptions,
  { tryLock, clock }: Pick<Runtime, 'tryLock' | 'clock'>,
): Promise<Lock> {
  const start = clock.monotonic()
  for (let attempt = 0; ; attempt++) {
    const lock = await storeStep(`lock ${name}`, () => tryLock(lockPath(state, name), about))
    if (!('holder' in lock)) return lock
    if (attempt === 0) onWait?.(lock.holder)
    if (clock.monotonic() - start >= waitMs) {
      const holder = lock.holder === '' ? 'another process' : lock.holder
      throw new AppError(
        'ERR_LOCKED',
        `${name} is being worked on by ${holder}; waited ${formatDuration(waitMs)}`,
        {
          hint: 'let it finish, then run the command again',
        },
      )
    }
    await clock.sleep(lockPollMs, signal)
  }
}
