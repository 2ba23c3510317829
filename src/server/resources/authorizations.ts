/** Authorizations and their challenges (RFC 8555 §7.5). */
import { writeAuthorization } from '../../acme/authorization.ts'
import { type Challenge, writeChallenge } from '../../acme/challenge.ts'
import { authorizationStatus, challengeStatus } from '../../acme/transitions.ts'
import { plusMs } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { waitAtMost } from '../background.ts'
import type { Parts } from '../parts.ts'
import { type AuthorizationRecord, amend, type ChallengeRecord, proofKey } from '../records.ts'
import { notFound, type Reply, refusal } from '../reply.ts'
import { type AccountRequest, readPayload } from '../request.ts'
import { retryAfter } from './orders.ts'

type AuthorizationParts = Pick<Parts, 'config' | 'urls' | 'records' | 'clock'>

const updateSchema = v.object({ status: v.literal('deactivated') })

/** Shows an authorization, or deactivates it (§7.5.2). */
export function authorizationResource(request: AccountRequest, id: string, parts: AuthorizationParts): Reply {
  const { records, clock } = parts
  const record = authorizationOf(request, id, parts)
  if (request.payload.length === 0) return authorizationReply(record, parts)
  readPayload(request, updateSchema)
  const now = clock.now()
  const status = authorizationStatus(record, now)
  if (status === 'deactivated') return authorizationReply(record, parts)
  if (status !== 'pending' && status !== 'valid')
    throw refusal('malformed', `an authorization that is ${status} cannot be deactivated`)
  return authorizationReply(amend(records.authorizations, record, { deactivatedAt: now }), parts)
}

const answerSchema = v.object({})

/** Shows a challenge, or starts its validation (§7.5.1). A challenge that was answered before is left as it is. */
export async function challengeResource(
  request: AccountRequest,
  { id, type }: { readonly id: string; readonly type: string },
  parts: AuthorizationParts & Pick<Parts, 'validate' | 'validations'>,
): Promise<Reply> {
  const { config, clock } = parts
  const record = authorizationOf(request, id, parts)
  const untouched = challengeStatus(challengeOf(record, type)) === 'pending'
  if (request.payload.length > 0) {
    readPayload(request, answerSchema)
    if (untouched && authorizationStatus(record, clock.now()) === 'pending') {
      const validation = startValidation(record, type, { ...parts, thumbprint: request.account.thumbprint })
      await waitAtMost(validation, config.holdRepliesMs, { clock })
    }
  }
  const current = authorizationOf(request, id, parts)
  const challenge = toChallenge(challengeOf(current, type), current, parts)
  return {
    headers: challenge.status === 'processing' ? retryAfter(config.retryAfterMs) : {},
    links: [{ url: parts.urls.authorization(id), rel: 'up' }],
    json: writeChallenge(challenge),
  }
}

/** Marks the challenge as answered, validates it in the background, and records the outcome. */
function startValidation(
  authorization: AuthorizationRecord,
  type: string,
  parts: Pick<Parts, 'config' | 'records' | 'clock' | 'validate' | 'validations'> & {
    readonly thumbprint: string
  },
): Promise<void> {
  const { config, records, clock, validate, validations, thumbprint } = parts
  const { id, accountId, identifier } = authorization
  const challenge = challengeOf(authorization, type)
  const record = (facts: Partial<ChallengeRecord>) => {
    const current = records.authorizations.get(id) ?? authorization
    const challenges = current.challenges.map(each => (each.type === type ? { ...each, ...facts } : each))
    return amend(records.authorizations, current, { challenges })
  }
  record({ answeredAt: clock.now() })
  return validations.start('validation', async signal => {
    const error = await validate({ ...challenge, identifier, thumbprint }, { signal })
    if (signal.aborted) return // the server is going away; nothing was found out
    const now = clock.now()
    const amended = record(error === undefined ? { validatedAt: now } : { error })
    if (error === undefined) {
      const lifetimeMs = Math.max(config.orderLifetimeMs, config.authorizationReuseMs)
      amend(records.authorizations, amended, { expires: plusMs(now, lifetimeMs) })
      records.proofs.set(proofKey(accountId, identifier), id)
    }
    config.log('info', 'challenge-validated', {
      identifier: identifier.value,
      problem: error?.type,
      detail: error?.detail,
    })
  })
}

function authorizationOf(
  { account }: AccountRequest,
  id: string,
  { records }: Pick<Parts, 'records'>,
): AuthorizationRecord {
  const record = records.authorizations.get(id)
  if (record === undefined || record.accountId !== account.id) throw notFound('authorization')
  return record
}

function challengeOf({ challenges }: AuthorizationRecord, type: string): ChallengeRecord {
  const challenge = challenges.find(each => each.type === type)
  if (challenge === undefined) throw notFound('challenge')
  return challenge
}

function authorizationReply(record: AuthorizationRecord, parts: AuthorizationParts): Reply {
  const { config, urls, clock } = parts
  const challenges = record.challenges.map(challenge => toChallenge(challenge, record, parts))
  const status = authorizationStatus(record, clock.now())
  const waiting = status === 'pending' && challenges.some(challenge => challenge.status === 'processing')
  const { identifier, expires } = record
  return {
    headers: waiting ? retryAfter(config.retryAfterMs) : {},
    json: writeAuthorization({
      url: urls.authorization(record.id),
      identifier,
      wildcard: false,
      status,
      expires,
      challenges,
    }),
  }
}

function toChallenge(
  challenge: ChallengeRecord,
  { id }: AuthorizationRecord,
  { urls }: Pick<Parts, 'urls'>,
): Challenge {
  const { type, token, validatedAt, error } = challenge
  const common = { url: urls.challenge(id, type), type, token }
  const status = challengeStatus(challenge)
  if (status === 'valid')
    return { ...common, status, ...(validatedAt === undefined ? {} : { validated: validatedAt }) }
  if (status === 'invalid') return { ...common, status, ...(error === undefined ? {} : { error }) }
  return { ...common, status }
}
