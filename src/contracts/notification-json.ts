/** A notification as JSON: what webhooks and programs are given, and what is kept until it is sent. */
import { instantSchema } from '../acme/wire.ts'
import { formatInstant } from '../base/instant.ts'
import { v } from '../base/schema.ts'
import { type Notification, type NotificationItem, notificationKinds, urgencies } from './notifier.ts'

/** Goes up only when a member changes its meaning or goes away; new members may come at any time. */
const version = 1

/** Times are RFC 3339 text; members that do not apply are left out. */
export function notificationJson(notification: Notification): Readonly<Record<string, unknown>> {
  const { at, items, ...rest } = notification
  return { version, ...rest, at: formatInstant(at), items: items.map(itemJson) }
}

function itemJson({ nextAttemptAt, expires, ...rest }: NotificationItem): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    ...(nextAttemptAt !== undefined && { nextAttemptAt: formatInstant(nextAttemptAt) }),
    ...(expires !== undefined && { expires: formatInstant(expires) }),
  }
}

/** Schema of what {@link notificationJson} makes. @internal */
export const notificationSchema = v.object({
  id: v.string(),
  kind: v.picklist(notificationKinds),
  urgency: v.picklist(urgencies),
  settles: v.optional(v.picklist(urgencies)),
  at: instantSchema,
  host: v.string(),
  subject: v.string(),
  items: v.array(
    v.object({
      key: v.string(),
      certificate: v.optional(v.string()),
      endpoint: v.optional(v.string()),
      identifiers: v.optional(v.array(v.string())),
      text: v.string(),
      cause: v.optional(v.string()),
      advice: v.optional(v.string()),
      nextAttemptAt: v.optional(instantSchema),
      command: v.optional(v.string()),
      expires: v.optional(instantSchema),
    }),
  ),
}) as v.GenericSchema<unknown, Notification> // absent members stay absent
