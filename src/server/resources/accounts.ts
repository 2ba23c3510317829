/** Accounts (RFC 8555 §7.3). */

import { type AccountStatus, writeAccount } from '../../acme/account.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import type { WireObject } from '../../acme/wire.ts'
import { isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { v } from '../../base/schema.ts'
import {
  parseExternalAccountBinding,
  verifyExternalAccountBinding,
} from '../../jose/external-account-binding.ts'
import { thumbprint } from '../../jose/thumbprint.ts'
import type { Parts } from '../parts.ts'
import { unguessableText } from '../random.ts'
import { type AccountRecord, amend, statusOfOrder } from '../records.ts'
import { notFound, problem, type Reply, refusal } from '../reply.ts'
import {
  type AccountRequest,
  deactivated,
  readPayload,
  requireEmpty,
  type SignedRequest,
} from '../request.ts'

const newAccountSchema = v.object({
  contact: v.optional(v.array(v.string()), []),
  termsOfServiceAgreed: v.optional(v.boolean(), false),
  onlyReturnExisting: v.optional(v.boolean(), false),
  externalAccountBinding: v.optional(v.record(v.string(), v.unknown())),
})

/** Creates an account, or finds the one that the key already has (§7.3, §7.3.1). */
export function newAccount(
  request: SignedRequest,
  { config, urls, records }: Pick<Parts, 'config' | 'urls' | 'records'>,
): Reply {
  if (request.account !== undefined)
    throw refusal('malformed', 'the header must have jwk in place of kid: the account is not known yet')
  const wanted = readPayload(request, newAccountSchema)
  const print = thumbprint(request.key)
  const existing = records.accounts.get(records.accountIds.get(print) ?? '')
  if (existing?.deactivatedAt !== undefined) throw deactivated()
  if (existing !== undefined) return accountReply(existing, urls, { location: true })
  if (wanted.onlyReturnExisting) throw refusal('accountDoesNotExist', 'no account has this key')

  const { termsOfService } = config
  if (termsOfService !== undefined && !wanted.termsOfServiceAgreed) {
    const detail = `the terms of service must be agreed to: ${termsOfService}`
    return {
      problem: problem('userActionRequired', detail, { instance: termsOfService }),
      links: [{ url: termsOfService, rel: 'terms-of-service' }],
    }
  }
  checkContact(wanted.contact)
  const binding = checkBinding(wanted.externalAccountBinding, request, { config, records })
  const account: AccountRecord = {
    id: unguessableText(),
    key: request.key,
    thumbprint: print,
    contact: wanted.contact,
    termsOfServiceAgreed: wanted.termsOfServiceAgreed,
    ...(binding === undefined ? {} : { externalAccountBinding: binding.value }),
  }
  records.accounts.set(account.id, account)
  records.accountIds.set(print, account.id)
  if (binding !== undefined) records.bindings.set(binding.keyId, account.id)
  config.log('info', 'account-created', { account: account.id })
  return { ...accountReply(account, urls, { location: true }), status: 201 }
}

const accountUpdateSchema = v.object({
  contact: v.optional(v.array(v.string())),
  status: v.optional(v.string()),
})

/** Reads, updates or deactivates an account (§7.3.2, §7.3.6). Members that clients may not change are ignored. */
export function accountResource(
  request: AccountRequest,
  id: string,
  { config, urls, records, clock }: Pick<Parts, 'config' | 'urls' | 'records' | 'clock'>,
): Reply {
  const { account } = request
  if (account.id !== id) throw notFound('account')
  if (request.payload.length === 0) return accountReply(account, urls)
  const { contact, status } = readPayload(request, accountUpdateSchema)
  if (contact !== undefined) checkContact(contact)
  if (status === 'deactivated') config.log('info', 'account-deactivated', { account: id })
  const amended = amend(records.accounts, account, {
    ...(contact === undefined ? {} : { contact }),
    ...(status === 'deactivated' ? { deactivatedAt: clock.now() } : {}),
  })
  return accountReply(amended, urls)
}

/** Orders in one reply: 100 URLs are some 7 KB. */
const ordersPerPage = 100

/** The account's orders that are not invalid, a page at a time (§7.1.2.1). */
export function listOrders(
  request: AccountRequest,
  { id, page = 0 }: { readonly id: string; readonly page?: number | undefined },
  { urls, records, clock }: Pick<Parts, 'urls' | 'records' | 'clock'>,
): Reply {
  requireEmpty(request)
  if (request.account.id !== id) throw notFound('account')
  const now = clock.now()
  const orders = [...records.orders.values()].filter(
    order => order.accountId === id && statusOfOrder(order, { records, now }) !== 'invalid',
  )
  const start = page * ordersPerPage
  const end = start + ordersPerPage
  return {
    json: { orders: orders.slice(start, end).map(order => urls.order(order.id)) },
    links: end < orders.length ? [{ url: urls.orders(id, page + 1), rel: 'next' }] : [],
  }
}

/** A reply with the account as it is shown to its holder. */
export function accountReply(
  account: AccountRecord,
  urls: Parts['urls'],
  { location = false }: { readonly location?: boolean } = {},
): Reply {
  const { id, contact, termsOfServiceAgreed, externalAccountBinding } = account
  const status: AccountStatus = account.deactivatedAt === undefined ? 'valid' : 'deactivated'
  const url = urls.account(id)
  const shown = { url, status, contact, termsOfServiceAgreed, orders: urls.orders(id) }
  return {
    headers: location ? { Location: url } : {},
    json: { ...writeAccount(shown), externalAccountBinding },
  }
}

const maxContacts = 10
/** One address without header fields (RFC 8555 §7.3 forbids them); how it looks inside is the mail server's affair. */
const mailtoPattern = /^mailto:[^\s@,?"<>]{1,64}@([^\s@,?"<>]{1,253})$/

function checkContact(contact: readonly string[]): void {
  if (contact.length > maxContacts) throw refusal('invalidContact', `more than ${maxContacts} contacts`)
  for (const text of contact) {
    const shown = `"${printable(text, 100)}"`
    if (!text.startsWith('mailto:')) throw refusal('unsupportedContact', `${shown} is not a mailto: URL`)
    const [, domain] = mailtoPattern.exec(text) ?? []
    if (domain === undefined || !isDomain(domain))
      throw refusal('invalidContact', `${shown} is not mailto: with exactly one address`)
  }
}

function isDomain(text: string): boolean {
  try {
    return parseIdentifier(text).type === 'dns'
  } catch {
    return false
  }
}

/** The checks of §7.3.4, steps 1 to 5. */
function checkBinding(
  value: WireObject | undefined,
  { key, url }: SignedRequest,
  { config, records }: Pick<Parts, 'config' | 'records'>,
): { readonly keyId: string; readonly value: WireObject } | undefined {
  if (config.externalAccounts.size === 0) return undefined // not verified, and so not reflected
  if (value === undefined)
    throw refusal('externalAccountRequired', 'an account here needs an external account binding')
  const binding = parseBinding(value)
  const hmacKey = config.externalAccounts.get(binding.keyId)
  if (hmacKey === undefined || !verifyExternalAccountBinding(binding, { hmacKey, url, accountKey: key }))
    throw refusal('unauthorized', 'the external account binding is not good')
  if (records.bindings.has(binding.keyId))
    throw refusal('unauthorized', 'the external account is bound to another account already')
  return { keyId: binding.keyId, value }
}

function parseBinding(value: WireObject) {
  try {
    return parseExternalAccountBinding(value)
  } catch (error) {
    if (isAppError(error)) throw refusal('malformed', messageOf(error))
    throw error
  }
}
