/** Orders (RFC 8555 §7.1.3). */
import { formatInstant, type Instant } from '../base/instant.ts'
import { v } from '../base/schema.ts'
import { type Identifier, identifierSchema } from './identifier.ts'
import { type Problem, problemSchema } from './problem.ts'
import { instantSchema, parseObject, type Url, urlSchema, type WireObject } from './wire.ts'

export const orderStatuses = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const
export type OrderStatus = (typeof orderStatuses)[number]

type OrderBase = {
  readonly url: Url
  readonly identifiers: readonly Identifier[]
  readonly authorizations: readonly Url[]
  readonly finalize: Url
  readonly expires?: Instant
  readonly profile?: string
  readonly replaces?: string
}

/** An order; each status has exactly the members that are true in it. */
export type Order = OrderBase &
  (
    | { readonly status: 'pending' | 'ready' | 'processing' }
    | { readonly status: 'valid'; readonly certificate: Url }
    | { readonly status: 'invalid'; readonly error?: Problem }
  )

/** Most identifiers in one order: Let's Encrypt's limit, which no public CA exceeds. */
export const maxOrderIdentifiers = 100

const base = {
  identifiers: v.pipe(v.array(identifierSchema), v.maxLength(1_000)),
  authorizations: v.pipe(v.array(urlSchema), v.maxLength(1_000)),
  finalize: urlSchema,
  expires: v.optional(instantSchema),
  profile: v.optional(v.string()),
  replaces: v.optional(v.string()),
}
const orderSchema = v.variant('status', [
  v.object({ status: v.picklist(['pending', 'ready', 'processing']), ...base }),
  v.object({ status: v.literal('valid'), certificate: urlSchema, ...base }),
  v.object({ status: v.literal('invalid'), error: v.optional(problemSchema), ...base }),
])

/**
 * Reads an order object.
 * @param url - from the `Location` of newOrder: the object does not contain it
 * @throws AppError ERR_REPLY_INVALID
 */
export function parseOrder(url: Url, value: unknown): Order {
  return { url, ...parseObject('an order', orderSchema, value) } as Order // absent members stay absent
}

/** An order as it is sent; the inverse of {@link parseOrder}. */
export function writeOrder(order: Order): WireObject {
  const { url: _, expires, ...members } = order
  return { ...members, expires: expires === undefined ? undefined : formatInstant(expires) }
}
