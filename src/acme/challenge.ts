/** Challenges (RFC 8555 §8). */
import { formatInstant, type Instant } from '../base/instant.ts'
import { v } from '../base/schema.ts'
import { type Problem, problemSchema } from './problem.ts'
import { instantSchema, type Url, urlSchema, type WireObject } from './wire.ts'

/** Challenge types that carry a token and that we know how to answer or to validate. */
export const challengeTypes = ['http-01', 'dns-01', 'tls-alpn-01'] as const
export type ChallengeType = (typeof challengeTypes)[number]

type ChallengeMethod =
  | { readonly type: ChallengeType; readonly token: string }
  /** A type of the CA's that we do not know; `name` is its text. */
  | { readonly type: 'unknown'; readonly name: string }

type ChallengeState =
  | { readonly status: 'pending' | 'processing' }
  | { readonly status: 'valid'; readonly validated?: Instant }
  | { readonly status: 'invalid'; readonly error?: Problem }

/** Which challenge it is, and how far it got: two independent unions. */
export type Challenge = { readonly url: Url } & ChallengeMethod & ChallengeState

/** base64url of at least 128 bits (§8.1); the upper bound keeps it a file name. */
export const tokenPattern = /^[A-Za-z0-9_-]{22,128}$/

const state = {
  status: v.picklist(['pending', 'processing', 'valid', 'invalid']),
  validated: v.optional(instantSchema),
  error: v.optional(problemSchema),
}
const known = v.object({
  type: v.picklist(challengeTypes),
  url: urlSchema,
  token: v.pipe(v.string(), v.regex(tokenPattern, 'is not a base64url token of at least 128 bits')),
  ...state,
})
const foreign = v.pipe(
  v.object({
    type: v.pipe(
      v.string(),
      v.check(type => !(challengeTypes as readonly string[]).includes(type)),
    ),
    url: urlSchema,
    ...state,
  }),
  v.transform(({ type, ...rest }) => ({ type: 'unknown' as const, name: type, ...rest })),
)

/** Schema of a challenge object. A known type must be well formed; an unknown one is kept by name. @internal */
export const challengeSchema = v.lazy(input =>
  challengeTypes.includes((input as { type?: ChallengeType } | undefined)?.type as ChallengeType)
    ? known
    : foreign,
) as v.GenericSchema<unknown, Challenge> // the two schemas are the two sides of ChallengeMethod

/** A challenge as it is sent. */
export function writeChallenge(challenge: Challenge): WireObject {
  const validated =
    challenge.status === 'valid' && challenge.validated !== undefined
      ? formatInstant(challenge.validated)
      : undefined
  if (challenge.type !== 'unknown') return { ...challenge, validated }
  const { name, ...rest } = challenge
  return { ...rest, type: name, validated }
}
