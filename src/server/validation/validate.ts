/** Validating challenges: one method a file, one line here. */
import type { Identifier } from '../../acme/identifier.ts'
import { keyAuthorization } from '../../acme/key-authorization.ts'
import { parseNetwork } from '../../acme/network.ts'
import type { Problem } from '../../acme/problem.ts'
import { messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { Logger } from '../../base/log.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { ValidationOptions } from '../options.ts'
import type { OfferedChallengeType } from '../records.ts'
import { problem } from '../reply.ts'
import { validateHttp01 } from './http-01.ts'
import type { Method } from './method.ts'

/** A challenge to look at. */
export type Validation = {
  readonly type: OfferedChallengeType
  readonly identifier: Identifier
  readonly token: string
  /** Of the account key, as it is now. */
  readonly thumbprint: string
}

/**
 * Looks at a challenge; resolves to what is wrong, or to `undefined` when the identifier is proven. Never rejects; what
 * it says after `signal` was aborted means nothing.
 */
export type Validate = (
  validation: Validation,
  options: { readonly signal: AbortSignal },
) => Promise<Problem | undefined>

const methods: Readonly<Record<OfferedChallengeType, Method>> = {
  'http-01': validateHttp01,
}

/** Time for all of one validation, redirects included. */
const validationTimeoutMs = 20 * secondMs

/** A validator for real: it looks names up and connects. */
export function createValidate(
  { httpPort = 80, httpsPort = 443, resolver, allowedNetworks = [] }: ValidationOptions,
  { log, ...runtime }: Pick<Runtime, 'clock' | 'http' | 'resolver'> & { readonly log: Logger },
): Validate {
  const fixed = {
    http: runtime.http,
    resolver: resolver ?? runtime.resolver,
    httpPort,
    httpsPort,
    allowedNetworks: allowedNetworks.map(parseNetwork),
  }
  return async ({ type, identifier, token, thumbprint }, { signal }) => {
    const over = new AbortController()
    const late = new AbortController()
    const timer = runtime.clock.sleep(validationTimeoutMs, over.signal).then(
      () => late.abort(),
      () => {}, // the validation was over first
    )
    try {
      const parts = { ...fixed, signal: AbortSignal.any([signal, late.signal]) }
      return await methods[type]({ identifier, token, expected: keyAuthorization(token, thumbprint) }, parts)
    } catch (error) {
      if (late.signal.aborted)
        return problem('connection', `no answer within ${validationTimeoutMs / secondMs} s`)
      if (!signal.aborted) log('error', 'validation-failed', { error: messageOf(error) })
      return problem('serverInternal', 'the validation could not be carried out')
    } finally {
      over.abort()
      await timer
    }
  }
}
