/** Issuing from the first authority that can. */
import { type AppError, isAppError } from '../../base/errors.ts'
import type { OnEvent } from '../events.ts'
import type { CertificateView } from '../observe/observation.ts'
import { intentOf, sameIntent } from '../run-intent.ts'
import type { Authority, CertificateSpec } from '../spec.ts'

/** Failures that lie with the CA or the way to it, so that another one may do better. */
const anotherMayDoBetter: readonly AppError['code'][] = [
  'ERR_NETWORK',
  'ERR_TIMEOUT',
  'ERR_REPLY_LOST',
  'ERR_REPLY_TOO_LARGE',
  'ERR_REPLY_INVALID',
  'ERR_ACME_PROBLEM',
  'ERR_RATE_LIMITED',
  'ERR_ACCOUNT',
  'ERR_TERMS',
  'ERR_ORDER',
  'ERR_CERTIFICATE_MISMATCH',
  'ERR_UNSUPPORTED',
  'ERR_CLOCK', // it may be the CA's that is wrong
]

/**
 * Tries the authorities of a spec in turn: first the one with an order that is not finished, then as configured.
 * @returns what `issue` returned for the first that could
 * @throws what the last one threw; at once what would be no different elsewhere
 */
export async function issueSomewhere<T>(
  spec: CertificateSpec,
  { run }: Pick<CertificateView, 'run'>,
  issue: (spec: CertificateSpec) => Promise<T>,
  onEvent: OnEvent,
): Promise<T> {
  const begun = (authority: Authority) =>
    run !== undefined && sameIntent(run.intent, intentOf({ ...spec, authority }))
  const configured = [spec.authority, ...spec.fallbacks]
  const authorities = [...configured.filter(begun), ...configured.filter(one => !begun(one))]
  for (const [index, authority] of authorities.entries()) {
    try {
      return await issue({ ...spec, authority })
    } catch (error) {
      const next = authorities[index + 1]
      if (next === undefined || !isAppError(error) || !anotherMayDoBetter.includes(error.code)) throw error
      const text = `${authority.id} could not issue: ${error.message}; trying ${next.id}`
      onEvent({ certificate: spec.name, step: 'order', level: 'warning', text })
    }
  }
  throw new TypeError('a spec has at least one authority')
}
