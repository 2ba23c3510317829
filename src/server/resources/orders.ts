/** Orders (RFC 8555 §7.4). */
import { type Identifier, identifierKey } from '../../acme/identifier.ts'
import { type Order, writeOrder } from '../../acme/order.ts'
import { type Instant, instant, plusMs, secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { v } from '../../base/schema.ts'
import type { Parts } from '../parts.ts'
import { unguessableText } from '../random.ts'
import {
  type AuthorizationRecord,
  type OrderRecord,
  offeredChallengeTypes,
  type Records,
  statusOfOrder,
  validAuthorization,
} from '../records.ts'
import { notFound, type Reply, refusal } from '../reply.ts'
import { type AccountRequest, readPayload, requireEmpty } from '../request.ts'
import { acceptIdentifiers } from './identifiers.ts'

const newOrderSchema = v.object({
  identifiers: v.array(v.object({ type: v.string(), value: v.string() })),
  notBefore: v.optional(v.string()),
  notAfter: v.optional(v.string()),
  profile: v.optional(v.string()),
  replaces: v.optional(v.string()),
})

type OrderParts = Pick<Parts, 'config' | 'urls' | 'records' | 'clock'>

/** Creates an order and the authorizations it needs. */
export function newOrder(request: AccountRequest, parts: OrderParts): Reply {
  const { config, urls, records } = parts
  const wanted = readPayload(request, newOrderSchema)
  if (wanted.notBefore !== undefined || wanted.notAfter !== undefined)
    throw refusal('malformed', 'notBefore and notAfter cannot be chosen here: leave them out')
  const identifiers = acceptIdentifiers(wanted.identifiers)
  const now = parts.clock.now()
  const { account } = request
  if (wanted.profile !== undefined) checkProfile(wanted.profile, config)
  if (wanted.replaces !== undefined)
    checkReplaces(wanted.replaces, { accountId: account.id, identifiers, records, now })

  const authorizations = identifiers.map(identifier =>
    authorize(account.id, identifier, { config, records, now }),
  )
  const order: OrderRecord = {
    id: unguessableText(),
    accountId: account.id,
    identifiers,
    authorizationIds: authorizations.map(({ id }) => id),
    expires: instant(Math.min(...authorizations.map(({ expires }) => expires))),
    ...(wanted.profile === undefined ? {} : { profile: wanted.profile }),
    ...(wanted.replaces === undefined ? {} : { replaces: wanted.replaces }),
  }
  records.orders.set(order.id, order)
  if (wanted.replaces !== undefined) records.replacements.set(wanted.replaces, order.id)
  config.log('info', 'order-created', {
    account: account.id,
    order: order.id,
    identifiers: identifiers.map(({ value }) => value),
  })
  return { ...orderReply(order, parts), status: 201, headers: { Location: urls.order(order.id) } }
}

/** Shows an order. */
export function readOrder(request: AccountRequest, id: string, parts: OrderParts): Reply {
  requireEmpty(request)
  return orderReply(orderOf(request, id, parts), parts)
}

/**
 * The account's order of that id.
 * @throws AcmeProblemError also for another account's order
 */
export function orderOf(
  { account }: AccountRequest,
  id: string,
  { records }: Pick<Parts, 'records'>,
): OrderRecord {
  const order = records.orders.get(id)
  if (order === undefined || order.accountId !== account.id) throw notFound('order')
  return order
}

/** A reply with the order as it stands, and with the time to come back while it is being processed. */
export function orderReply(record: OrderRecord, { config, urls, records, clock }: OrderParts): Reply {
  const order = toOrder(record, { urls, records, now: clock.now() })
  const wait = order.status === 'processing' ? retryAfter(config.retryAfterMs) : {}
  return { headers: { ...wait, Location: order.url }, json: writeOrder(order) }
}

/** A Retry-After header; whole seconds, and never none, which would mean "at once". */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / secondMs))) }
}

function toOrder(
  record: OrderRecord,
  { urls, records, now }: { readonly urls: Parts['urls']; readonly records: Records; readonly now: Instant },
): Order {
  const { id, identifiers, expires, profile, replaces, certificateId, error } = record
  const common = {
    url: urls.order(id),
    identifiers,
    authorizations: record.authorizationIds.map(authorization => urls.authorization(authorization)),
    finalize: urls.finalize(id),
    expires,
    ...(profile === undefined ? {} : { profile }),
    ...(replaces === undefined ? {} : { replaces }),
  }
  const status = statusOfOrder(record, { records, now })
  if (status === 'valid') return { ...common, status, certificate: urls.certificate(certificateId ?? '') }
  if (status === 'invalid') return { ...common, status, ...(error === undefined ? {} : { error }) }
  return { ...common, status }
}

function checkProfile(name: string, { profiles }: Pick<Parts['config'], 'profiles'>): void {
  if (profiles.has(name)) return
  const offered = profiles.size === 0 ? 'none is offered' : `offered are ${[...profiles.keys()].join(', ')}`
  throw refusal('invalidProfile', `there is no profile "${printable(name, 40)}"; ${offered}`)
}

type Replacing = {
  readonly accountId: string
  readonly identifiers: readonly Identifier[]
  readonly records: Records
  readonly now: Instant
}

/** The checks of RFC 9773 §5: same account, an identifier in common, and not replaced yet. */
function checkReplaces(replaces: string, { accountId, identifiers, records, now }: Replacing): void {
  const predecessor = records.certificates.get(records.certificatesByRenewalId.get(replaces) ?? '')
  if (predecessor === undefined || predecessor.accountId !== accountId)
    throw refusal('malformed', 'replaces names no certificate of this account')
  const wanted = new Set(identifiers.map(identifierKey))
  if (!predecessor.leaf.identifiers.some(identifier => wanted.has(identifierKey(identifier))))
    throw refusal(
      'malformed',
      'replaces names a certificate that has no identifier in common with this order',
    )
  const other = records.orders.get(records.replacements.get(replaces) ?? '')
  if (other !== undefined && statusOfOrder(other, { records, now }) !== 'invalid')
    throw refusal('alreadyReplaced', 'another order replaces that certificate already')
}

/** An authorization that is valid and recent enough, or a new one. */
function authorize(
  accountId: string,
  identifier: Identifier,
  {
    config,
    records,
    now,
  }: { readonly config: Parts['config']; readonly records: Records; readonly now: Instant },
): AuthorizationRecord {
  const valid = validAuthorization(records, { accountId, identifier, now })
  if (valid !== undefined && isRecent(valid, { config, now })) return valid
  const authorization: AuthorizationRecord = {
    id: unguessableText(),
    accountId,
    identifier,
    expires: plusMs(now, config.orderLifetimeMs),
    challenges: offeredChallengeTypes.map(type => ({ type, token: unguessableText() })),
  }
  records.authorizations.set(authorization.id, authorization)
  return authorization
}

function isRecent(
  { challenges }: AuthorizationRecord,
  { config, now }: { readonly config: Parts['config']; readonly now: Instant },
): boolean {
  return challenges.some(
    ({ validatedAt }) => validatedAt !== undefined && now < validatedAt + config.authorizationReuseMs,
  )
}
