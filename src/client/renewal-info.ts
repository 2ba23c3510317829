/** Renewal information (RFC 9773). */
import { parseRenewalInfo, type RenewalInfo } from '../acme/renewal-info.ts'
import { parseUrl } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { dayMs, hourMs, type Instant, instant, minuteMs, plusMs } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import { resourceUrl } from './directory.ts'
import { type Reply, readObject, readRetryAt } from './reply.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** A renewal window, and when to ask for it again. */
export type RenewalInfoReply = { readonly info: RenewalInfo; readonly checkAgainAt: Instant }

/** Requests about renewal. */
export type RenewalInfoRequests = {
  /**
   * Asks when a certificate should be renewed.
   * @param certificateId - RFC 9773 §4.1
   * @throws AppError ERR_UNSUPPORTED where the CA gives no renewal information; ERR_FORMAT for no certificate id;
   * AcmeProblemError
   */
  readonly renewalInfo: (certificateId: string, options: RequestOptions) => Promise<RenewalInfoReply>
}

/** Range of believed Retry-After values, and the wait where the field is missing or unusable (§4.3.2, §4.3.3). */
const checkAgainMs = { min: minuteMs, max: dayMs, unknown: 6 * hourMs } as const

/** Two base64url texts: it becomes a part of a path. */
const certificateIdPattern = /^[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{1,200}$/

/** Renewal requests over a transport. */
export function renewalInfoRequests(transport: Transport): RenewalInfoRequests {
  return {
    renewalInfo: async (certificateId, options) => {
      if (!certificateIdPattern.test(certificateId)) {
        throw new AppError('ERR_FORMAT', `"${printable(certificateId, 100)}" is not a certificate id`)
      }
      const base = resourceUrl(transport.authority, await transport.directory(options), 'renewalInfo')
      const url = parseUrl(`${base.replace(/\/$/, '')}/${certificateId}`)
      const reply = await transport.get({ task: 'send renewal information', url }, options)
      return { info: readObject(reply, parseRenewalInfo), checkAgainAt: readCheckAgainAt(reply) }
    },
  }
}

function readCheckAgainAt(reply: Reply): Instant {
  const { receivedAt } = reply
  const asked = readRetryAt(reply) ?? plusMs(receivedAt, checkAgainMs.unknown)
  return instant(Math.min(Math.max(asked, receivedAt + checkAgainMs.min), receivedAt + checkAgainMs.max))
}
