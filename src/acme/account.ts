/** Accounts (RFC 8555 §7.1.2). */
import { v } from '../base/schema.ts'
import { parseObject, type Url, urlSchema, type WireObject } from './wire.ts'

export const accountStatuses = ['valid', 'deactivated', 'revoked'] as const
export type AccountStatus = (typeof accountStatuses)[number]

export type Account = {
  /** The account URL, which is also the `kid` of its requests. */
  readonly url: Url
  readonly status: AccountStatus
  /** URIs, usually `mailto:`. */
  readonly contact: readonly string[]
  readonly termsOfServiceAgreed?: boolean
  /** The list of orders; many CAs leave it out. */
  readonly orders?: Url
}

/** Whether text can stand behind `mailto:`: one address, without the header fields that a mail URI may have (§7.3). */
export function isMailAddress(text: string): boolean {
  return text.length <= maxMailAddressLength && /^[^\s@?,]+@[^\s@?,]+$/.test(text)
}

const maxMailAddressLength = 254 // RFC 5321 §4.5.3.1.3 without the angle brackets

const accountSchema = v.object({
  status: v.picklist(accountStatuses),
  contact: v.optional(v.nullable(v.array(v.string())), []),
  termsOfServiceAgreed: v.optional(v.boolean()),
  orders: v.optional(urlSchema),
})

/**
 * Reads an account object.
 * @throws AppError ERR_REPLY_INVALID
 */
export function parseAccount(url: Url, value: unknown): Account {
  const account = parseObject('an account', accountSchema, value)
  return { url, ...account, contact: account.contact ?? [] } as Account // absent members stay absent
}

/** An account as it is sent; the inverse of {@link parseAccount}. */
export function writeAccount(account: Account): WireObject {
  const { url: _, ...members } = account
  return members
}
