/** Authorizations and their challenges (RFC 8555 §7.5). */
import { type Authorization, parseAuthorization } from '../acme/authorization.ts'
import { type Challenge, challengeSchema } from '../acme/challenge.ts'
import { parseObject, type Url } from '../acme/wire.ts'
import { isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { AccountKey } from './accounts.ts'
import { invalidReply, type Reply, readObject, readRetryAt, requireOwnUrl } from './reply.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** An authorization, and when the CA wants to be asked again. */
export type AuthorizationReply = {
  readonly authorization: Authorization
  readonly retryAt: Instant | undefined
}

/** A challenge, and when the CA wants to be asked again. */
export type ChallengeReply = { readonly challenge: Challenge; readonly retryAt: Instant | undefined }

/** Requests about authorizations. */
export type AuthorizationRequests = {
  readonly readAuthorization: (
    account: AccountKey,
    url: Url,
    options: RequestOptions,
  ) => Promise<AuthorizationReply>
  /** Gives an authorization up (§7.5.2). After a lost reply it is read before it is given up again. */
  readonly deactivateAuthorization: (
    account: AccountKey,
    url: Url,
    options: RequestOptions,
  ) => Promise<Authorization>
  /**
   * Tells the CA that the response is in place (§7.5.1). After a lost reply the challenge is read, and answered again only
   * when it is still pending.
   */
  readonly answerChallenge: (
    account: AccountKey,
    challengeUrl: Url,
    options: RequestOptions,
  ) => Promise<ChallengeReply>
}

/** Authorization requests over a transport. */
export function authorizationRequests(transport: Transport): AuthorizationRequests {
  const read: AuthorizationRequests['readAuthorization'] = async ({ url: kid, signer }, url, options) => {
    const reply = await transport.post({ task: 'read the authorization', target: url, signer, kid }, options)
    return { authorization: readAuthorizationObject(reply, url), retryAt: readRetryAt(reply) }
  }

  return {
    readAuthorization: read,

    deactivateAuthorization: async (account, url, options) => {
      const { url: kid, signer } = account
      const payload = () => ({ status: 'deactivated' })
      const request = { task: 'deactivate the authorization', target: url, signer, kid, payload }
      const deactivate = async () => {
        const reply = await transport.post(request, options)
        const authorization = readAuthorizationObject(reply, url)
        if (authorization.status === 'deactivated') return authorization
        throw invalidReply(reply, `an authorization that is still ${authorization.status}`)
      }
      try {
        return await deactivate()
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST')) throw error
        const { authorization } = await read(account, url, options)
        return authorization.status === 'deactivated' ? authorization : await deactivate()
      }
    },

    answerChallenge: async ({ url: kid, signer }, target, options) => {
      const reading = { task: 'read the challenge', target, signer, kid }
      const answering = { ...reading, task: 'look at the challenge response', payload: () => ({}) }
      try {
        return readChallengeReply(await transport.post(answering, options))
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST')) throw error
        const found = readChallengeReply(await transport.post(reading, options))
        if (found.challenge.status !== 'pending') return found
        return readChallengeReply(await transport.post(answering, options))
      }
    },
  }
}

function readAuthorizationObject(reply: Reply, url: Url): Authorization {
  const authorization = readObject(reply, value => parseAuthorization(url, value))
  for (const challenge of authorization.challenges) requireOwnUrl(reply, 'a challenge', challenge.url)
  return authorization
}

function readChallengeReply(reply: Reply): ChallengeReply {
  const challenge = readObject(reply, value => parseObject('a challenge', challengeSchema, value))
  requireOwnUrl(reply, 'the challenge', challenge.url)
  return { challenge, retryAt: readRetryAt(reply) }
}
