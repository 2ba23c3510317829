/**
 * What a process knows and could not write down. Whoever stays, such as the daemon, keeps one as long as it lives: a full
 * disk must neither hurry what was to wait nor repeat what people were told.
 */
import type { NotificationMemory } from './notify/memory.ts'
import type { SpecName } from './spec.ts'
import type { Attempts } from './store/attempts.ts'

/** Filled by those who fail to write, and emptied by those who succeed. */
export type Recollection = {
  /** Failures of certificates, in place of those on disk. */
  readonly attempts: Map<SpecName, Attempts>
  notifications: RecalledNotifications | undefined
}

/** What people were told. */
export type RecalledNotifications = NotificationMemory & {
  /** What is on disk was not seen, and may say more. */
  readonly blind: boolean
}

/** One that knows nothing. */
export function createRecollection(): Recollection {
  return { attempts: new Map(), notifications: undefined }
}
