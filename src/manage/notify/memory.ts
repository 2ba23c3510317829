/** What is remembered from one run to the next: troubles that were told, and notifications that could not be sent. */
import { isAppError } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { notificationJson, notificationSchema } from '../../contracts/notification-json.ts'
import type { Notification } from '../../contracts/notifier.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { readDocument, storeStep, writeDocument } from '../store/documents.ts'
import { stateDirectoryMode } from '../store/paths.ts'
import { type EndpointTrouble, endpointTroubleJson, endpointTroubleSchema } from './endpoint-troubles.ts'
import { type Trouble, troubleJson, troubleSchema } from './trouble.ts'

/** A notification that a notifier did not take. */
export type Unsent = {
  /** The label of the notifier. */
  readonly notifier: string
  readonly notification: Notification
}

export type NotificationMemory = {
  readonly troubles: readonly Trouble[]
  /** Of monitored endpoints. */
  readonly endpointTroubles?: readonly EndpointTrouble[]
  readonly unsent: readonly Unsent[]
}

const notificationsPath = (state: string) => `${state}/notifications.json`

const memorySchema = v.object({
  version: v.literal(1),
  troubles: v.array(troubleSchema),
  endpointTroubles: v.optional(v.array(endpointTroubleSchema)),
  unsent: v.array(v.object({ notifier: v.string(), notification: notificationSchema })),
}) as v.GenericSchema<unknown, NotificationMemory> // absent members stay absent

/**
 * Reads the memory. A damaged one is moved aside, so that what is told next is too much and not too little.
 * @returns also where the damaged one went
 * @throws AppError ERR_STORE
 */
export async function readMemory(
  state: string,
  { files, now }: Pick<Runtime, 'files'> & { readonly now: Instant },
): Promise<NotificationMemory & { readonly damagedAt?: string }> {
  const path = notificationsPath(state)
  try {
    return (await readDocument(path, memorySchema, files)) ?? nothing
  } catch (error) {
    if (!isAppError(error, 'ERR_STORE_CORRUPT')) throw error
    const damagedAt = `${path}.damaged-${formatInstant(now).replaceAll(':', '')}`
    await storeStep(`move ${path} aside`, () => files.rename(path, damagedAt))
    return { ...nothing, damagedAt }
  }
}

const nothing: NotificationMemory = { troubles: [], unsent: [] }

/**
 * Writes the memory durably.
 * @throws AppError ERR_STORE
 */
export async function writeMemory(
  state: string,
  { troubles, endpointTroubles = [], unsent }: NotificationMemory,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`create ${state}`, () => files.makeDirectory(state, stateDirectoryMode))
  const json = {
    version: 1,
    troubles: troubles.map(troubleJson),
    ...(endpointTroubles.length > 0 && { endpointTroubles: endpointTroubles.map(endpointTroubleJson) }),
    unsent: unsent.map(({ notifier, notification }) => ({
      notifier,
      notification: notificationJson(notification),
    })),
  }
  await writeDocument(notificationsPath(state), json, files)
}
