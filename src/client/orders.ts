/** Orders (RFC 8555 §7.4, §7.1.2.1). */
import { type Identifier, sameIdentifiers } from '../acme/identifier.ts'
import { maxOrderIdentifiers, type Order, parseOrder } from '../acme/order.ts'
import { isProblemError } from '../acme/problem.ts'
import { parseObject, type Url, urlSchema } from '../acme/wire.ts'
import { encodeBase64url } from '../base/base64url.ts'
import { AppError, isAppError } from '../base/errors.ts'
import { formatInstant, type Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import { v } from '../base/schema.ts'
import type { AccountKey, AccountRequests } from './accounts.ts'
import {
  maxJsonBytes,
  type Reply,
  readLinks,
  readLocation,
  readObject,
  readRetryAt,
  requireOwnUrl,
} from './reply.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** An order, and when the CA wants to be asked again. */
export type OrderReply = { readonly order: Order; readonly retryAt: Instant | undefined }

export type NewOrder = {
  readonly identifiers: readonly Identifier[]
  /** A name from `meta.profiles` of the directory. */
  readonly profile?: string
  /** Certificate id of the certificate that this order renews (RFC 9773 §5). */
  readonly replaces?: string
  readonly notBefore?: Instant
  readonly notAfter?: Instant
}

/** The account's orders as far as the CA lists them. */
export type OrderList = {
  readonly urls: readonly Url[]
  /** False when there were more pages than are read. */
  readonly complete: boolean
}

/** Requests about orders. */
export type OrderRequests = {
  /**
   * Orders a certificate. `replaces` is left out where the directory has no `renewalInfo` (RFC 9773 §5). After a lost
   * reply the order is looked for in the account's list.
   * @throws AcmeProblemError; AppError ERR_UNSUPPORTED for a profile that the CA does not have; ERR_REPLY_LOST when an
   * order may exist and cannot be found
   */
  readonly newOrder: (account: AccountKey, request: NewOrder, options: RequestOptions) => Promise<OrderReply>
  readonly readOrder: (account: AccountKey, url: Url, options: RequestOptions) => Promise<OrderReply>
  /** The orders of the account; `undefined` where the CA keeps no list. */
  readonly listOrders: (account: AccountKey, options: RequestOptions) => Promise<OrderList | undefined>
  /**
   * Asks for the certificate. Where a reply was lost, or the CA says that the order is not ready, the order is read: if it
   * went on, that is the answer.
   * @param csrDer - PKCS#10, for exactly the identifiers of the order
   */
  readonly finalize: (
    account: AccountKey,
    order: Order,
    csrDer: Uint8Array,
    options: RequestOptions,
  ) => Promise<OrderReply>
}

/**
 * Largest order. Each identifier brings itself (up to 300 bytes), the URL of an authorization (up to 300) and, when it
 * failed, a subproblem (up to 1 KiB, the limit of what is worth reading).
 */
export const maxOrderBytes = maxJsonBytes + maxOrderIdentifiers * 2 * 1024

/** Pages of a list of orders that are read, and orders that are looked at in search of a lost one. */
const maxOrderPages = 10
const maxOrdersRead = 100

/** Order requests over a transport. */
export function orderRequests(
  transport: Transport,
  { readAccount }: Pick<AccountRequests, 'readAccount'>,
): OrderRequests {
  const readOrder: OrderRequests['readOrder'] = async ({ url: kid, signer }, url, options) => {
    const request = { task: 'read the order', target: url, signer, kid, maxBodyBytes: maxOrderBytes }
    return readOrderReply(await transport.post(request, options), url)
  }

  const sendNewOrder = async (
    { url: kid, signer }: AccountKey,
    { identifiers, profile, replaces, notBefore, notAfter }: NewOrder,
    options: RequestOptions,
  ): Promise<OrderReply> => {
    const reply = await transport.post(
      {
        task: `create an order for ${describeIdentifiers(identifiers)}`,
        target: { resource: 'newOrder' },
        signer,
        kid,
        payload: () => ({
          identifiers,
          profile,
          replaces,
          notBefore: notBefore && formatInstant(notBefore),
          notAfter: notAfter && formatInstant(notAfter),
        }),
        maxBodyBytes: maxOrderBytes,
      },
      options,
    )
    return readOrderReply(reply, readLocation(reply))
  }

  const sendFinalize = async (
    { url: kid, signer }: AccountKey,
    { url, finalize, identifiers }: Order,
    csrDer: Uint8Array,
    options: RequestOptions,
  ): Promise<OrderReply> => {
    const reply = await transport.post(
      {
        task: `finalize the order for ${describeIdentifiers(identifiers)}`,
        target: finalize,
        signer,
        kid,
        payload: () => ({ csr: encodeBase64url(csrDer) }),
        maxBodyBytes: maxOrderBytes,
      },
      options,
    )
    return readOrderReply(reply, url)
  }

  const listOrders: OrderRequests['listOrders'] = async (account, options) => {
    const { orders } = await readAccount(account, options)
    if (orders === undefined) return undefined
    const { url: kid, signer } = account
    const urls = new Set<Url>()
    let page: Url | undefined = orders
    for (let pages = 0; page !== undefined && pages < maxOrderPages; pages += 1) {
      const request = { task: 'list the orders', target: page, signer, kid, maxBodyBytes: maxOrderBytes }
      const reply: Reply = await transport.post(request, options)
      for (const url of readObject(reply, parseOrderList).orders) {
        urls.add(requireOwnUrl(reply, 'an order in the list', url))
      }
      page = readLinks(reply, 'next')[0]
    }
    return { urls: [...urls], complete: page === undefined }
  }

  /** Looks for the order that a lost reply may have been about. */
  const findOrder = async (
    account: AccountKey,
    request: NewOrder,
    options: RequestOptions,
  ): Promise<OrderReply | 'none' | 'unknown'> => {
    const list = await listOrders(account, options)
    if (list === undefined) return 'unknown'
    // Lists are in no order that is promised; new orders are usually at the end.
    const urls = list.urls.toReversed()
    for (const url of urls.slice(0, maxOrdersRead)) {
      const found = await readOrder(account, url, options)
      if (isSuchOrder(found.order, request)) return found
    }
    return list.complete && urls.length <= maxOrdersRead ? 'none' : 'unknown'
  }

  return {
    readOrder,
    listOrders,

    newOrder: async (account, request, options) => {
      const { renewalInfo, meta } = await transport.directory(options)
      const { replaces, ...rest } = request
      requireProfile(transport, request.profile, meta.profiles)
      const fitting = renewalInfo === undefined || replaces === undefined ? rest : { ...rest, replaces }
      try {
        return await sendNewOrder(account, fitting, options)
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST')) throw error
        const found = await findOrder(account, fitting, options)
        if (found === 'unknown') throw lostOrder(transport, fitting, error)
        return found === 'none' ? await sendNewOrder(account, fitting, options) : found
      }
    },

    finalize: async (account, order, csrDer, options) => {
      try {
        return await sendFinalize(account, order, csrDer, options)
      } catch (error) {
        const lost = isAppError(error, 'ERR_REPLY_LOST')
        if (!lost && !isProblemError(error, 'orderNotReady')) throw error
        const found = await readOrder(account, order.url, options)
        const { status } = found.order
        if (lost) return status === 'ready' ? await sendFinalize(account, order, csrDer, options) : found
        // A retry after a fault finds an order that the first attempt has moved on.
        if (status === 'processing' || status === 'valid') return found
        throw error
      }
    },
  }
}

const orderListSchema = v.object({ orders: v.pipe(v.array(urlSchema), v.maxLength(10_000)) })

const parseOrderList = (value: unknown) => parseObject('a list of orders', orderListSchema, value)

function readOrderReply(reply: Reply, url: Url): OrderReply {
  const order = readObject(reply, value => parseOrder(url, value))
  requireOwnUrl(reply, 'the finalize URL', order.finalize)
  for (const authorization of order.authorizations) requireOwnUrl(reply, 'an authorization', authorization)
  if (order.status === 'valid') requireOwnUrl(reply, 'the certificate', order.certificate)
  return { order, retryAt: readRetryAt(reply) }
}

/** Whether an order is still to be worked on and is for what was asked. */
function isSuchOrder(
  { status, identifiers, profile, replaces }: Order,
  { notBefore, notAfter, ...wanted }: NewOrder,
): boolean {
  if (status !== 'pending' && status !== 'ready') return false
  if (notBefore !== undefined || notAfter !== undefined) return false // an order does not tell
  return (
    sameIdentifiers(identifiers, wanted.identifiers) &&
    (wanted.profile === undefined || wanted.profile === profile) &&
    wanted.replaces === replaces
  )
}

function requireProfile(
  { authority: { host } }: Transport,
  profile: string | undefined,
  offered: ReadonlyMap<string, string>,
): void {
  if (profile === undefined || offered.has(profile)) return
  const names = printable([...offered.keys()].join(', '), 300)
  throw new AppError('ERR_UNSUPPORTED', `${host} has no profile "${printable(profile, 100)}"`, {
    hint: names === '' ? 'it offers no profiles: leave the profile out' : `it offers ${names}`,
  })
}

function lostOrder({ authority: { host } }: Transport, { identifiers }: NewOrder, cause: AppError): AppError {
  return new AppError(
    'ERR_REPLY_LOST',
    `${host} may or may not have created an order for ${describeIdentifiers(identifiers)}: its answer was lost, and the order cannot be looked up there`,
    {
      cause,
      hint: 'try again: an order that nobody uses expires, and no certificate was asked for yet',
      retryAt: cause.retryAt,
    },
  )
}

function describeIdentifiers(identifiers: readonly Identifier[]): string {
  const [first, ...rest] = identifiers.map(({ value }) => printable(value, 100))
  if (first === undefined) return 'nothing'
  return rest.length === 0 ? first : `${first} and ${rest.length} more`
}
