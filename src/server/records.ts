/** What the server keeps: facts, in memory. Status is derived from them when it is asked for. */
import type { KeyObject } from 'node:crypto'
import type { AuthorizationStatus } from '../acme/authorization.ts'
import { type Identifier, identifierKey } from '../acme/identifier.ts'
import type { OrderStatus } from '../acme/order.ts'
import type { RevocationReason } from '../acme/revocation.ts'
import {
  type AuthorizationFacts,
  authorizationStatus,
  type ChallengeFacts,
  type OrderFacts,
  orderStatus,
} from '../acme/transitions.ts'
import type { WireObject } from '../acme/wire.ts'
import type { Instant } from '../base/instant.ts'
import type { Certificate } from '../x509/certificate.ts'

export type AccountRecord = {
  readonly id: string
  readonly key: KeyObject
  /** Of the key (RFC 7638). */
  readonly thumbprint: string
  readonly contact: readonly string[]
  readonly termsOfServiceAgreed: boolean
  /** As the client sent it, to be shown again (RFC 8555 §7.3.4). */
  readonly externalAccountBinding?: WireObject
  readonly deactivatedAt?: Instant
}

/** Challenge types that this server can validate. */
export const offeredChallengeTypes = ['http-01'] as const
export type OfferedChallengeType = (typeof offeredChallengeTypes)[number]

export type ChallengeRecord = ChallengeFacts & { readonly type: OfferedChallengeType; readonly token: string }

export type AuthorizationRecord = Omit<AuthorizationFacts, 'challenges'> & {
  readonly id: string
  readonly accountId: string
  readonly identifier: Identifier
  readonly challenges: readonly ChallengeRecord[]
}

export type OrderRecord = Omit<OrderFacts, 'authorizations'> & {
  readonly id: string
  readonly accountId: string
  readonly identifiers: readonly Identifier[]
  readonly authorizationIds: readonly string[]
  readonly profile?: string
  /** Certificate identifier of the predecessor (RFC 9773 §5). */
  readonly replaces?: string
  readonly certificateId?: string
}

export type CertificateRecord = {
  readonly id: string
  readonly accountId: string
  readonly leaf: Certificate
  /** Each leaf first; the first one is what the certificate URL gives. */
  readonly chainPems: readonly string[]
  readonly revoked?: { readonly at: Instant; readonly reason: RevocationReason }
}

export type Records = {
  readonly accounts: Map<string, AccountRecord>
  readonly authorizations: Map<string, AuthorizationRecord>
  readonly orders: Map<string, OrderRecord>
  readonly certificates: Map<string, CertificateRecord>
  /** Account ids by the thumbprint of their present key. */
  readonly accountIds: Map<string, string>
  /** Account ids by external account key id. */
  readonly bindings: Map<string, string>
  /** Ids of the newest validated authorization, by {@link proofKey}. */
  readonly proofs: Map<string, string>
  /** Certificate ids by the certificate identifier of RFC 9773. */
  readonly certificatesByRenewalId: Map<string, string>
  /** Certificate ids by SHA-256 fingerprint. */
  readonly certificatesByFingerprint: Map<string, string>
  /** Ids of the newest order that replaces a certificate, by RFC 9773 certificate identifier. */
  readonly replacements: Map<string, string>
}

/** No records at all. */
export function createRecords(): Records {
  return {
    accounts: new Map(),
    authorizations: new Map(),
    orders: new Map(),
    certificates: new Map(),
    accountIds: new Map(),
    bindings: new Map(),
    proofs: new Map(),
    certificatesByRenewalId: new Map(),
    certificatesByFingerprint: new Map(),
    replacements: new Map(),
  }
}

/** Adds facts to a record and returns the new one. */
export function amend<T extends { readonly id: string }>(
  records: Map<string, T>,
  record: T,
  facts: Partial<T>,
): T {
  const amended = { ...(records.get(record.id) ?? record), ...facts } // what was added meanwhile stays
  records.set(record.id, amended)
  return amended
}

/** An account's control over an identifier, as the key of {@link Records.proofs}. */
export function proofKey(accountId: string, identifier: Identifier): string {
  return `${accountId} ${identifierKey(identifier)}`
}

/** The account's newest authorization for an identifier, if it is valid at `now`. */
export function validAuthorization(
  records: Pick<Records, 'proofs' | 'authorizations'>,
  {
    accountId,
    identifier,
    now,
  }: { readonly accountId: string; readonly identifier: Identifier; readonly now: Instant },
): AuthorizationRecord | undefined {
  const record = records.authorizations.get(records.proofs.get(proofKey(accountId, identifier)) ?? '')
  return record !== undefined && authorizationStatus(record, now) === 'valid' ? record : undefined
}

/** The status of an order, with that of its authorizations. */
export function statusOfOrder(
  order: OrderRecord,
  { records, now }: { readonly records: Pick<Records, 'authorizations'>; readonly now: Instant },
): OrderStatus {
  const authorizations = order.authorizationIds.map((id): AuthorizationStatus => {
    const record = records.authorizations.get(id)
    return record === undefined ? 'expired' : authorizationStatus(record, now)
  })
  return orderStatus({ ...order, authorizations }, now)
}
