/** Authorizations (RFC 8555 §7.1.4). */
import { formatInstant, type Instant } from '../base/instant.ts'
import { v } from '../base/schema.ts'
import { type Challenge, challengeSchema, writeChallenge } from './challenge.ts'
import { type Identifier, identifierSchema } from './identifier.ts'
import { instantSchema, parseObject, type Url, type WireObject } from './wire.ts'

export const authorizationStatuses = [
  'pending',
  'valid',
  'invalid',
  'deactivated',
  'expired',
  'revoked',
] as const
export type AuthorizationStatus = (typeof authorizationStatuses)[number]

export type Authorization = {
  readonly url: Url
  /** The base name when `wildcard` is true. */
  readonly identifier: Identifier
  readonly wildcard: boolean
  readonly status: AuthorizationStatus
  readonly expires?: Instant
  readonly challenges: readonly Challenge[]
}

const authorizationSchema = v.object({
  identifier: identifierSchema,
  wildcard: v.optional(v.boolean(), false),
  status: v.picklist(authorizationStatuses),
  expires: v.optional(instantSchema),
  challenges: v.pipe(v.array(challengeSchema), v.maxLength(50)),
})

/**
 * Reads an authorization object.
 * @param url - from the order
 * @throws AppError ERR_REPLY_INVALID
 */
export function parseAuthorization(url: Url, value: unknown): Authorization {
  return { url, ...parseObject('an authorization', authorizationSchema, value) } as Authorization // absent stays absent
}

/** The identifier as the order names it: with `*.` where the authorization is for a wildcard. */
export function orderedIdentifier({ identifier, wildcard }: Authorization): Identifier {
  return wildcard ? { type: 'dns', value: `*.${identifier.value}` } : identifier
}

/** An authorization as it is sent; the inverse of {@link parseAuthorization}. */
export function writeAuthorization(authorization: Authorization): WireObject {
  const { url: _, expires, wildcard, challenges, ...members } = authorization
  return {
    ...members,
    wildcard: wildcard || undefined, // §7.1.4: only ever present as true
    expires: expires === undefined ? undefined : formatInstant(expires),
    challenges: challenges.map(writeChallenge),
  }
}
