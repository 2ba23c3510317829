/** Settling when certificates are renewed; never more than a warning where the CA does not say. */
import { type AppError, isAppError } from '../base/errors.ts'
import type { AcmeClient } from '../client/client.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { adviceHistory } from './apply-history.ts'
import type { OnEvent } from './events.ts'
import { settleRenewal } from './execute/settle-renewal.ts'
import type { Authority, CertificateSpec } from './spec.ts'
import { recordHistory } from './store/history.ts'
import type { RenewalRecord } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

export type Asking = {
  /** Authorities that did not answer, and are not asked again; added to. */
  readonly silent: Set<string>
  readonly signal: AbortSignal
}

/** Asks the CA that issued a certificate, as far as it is still configured, and keeps what it advises. */
export type Settle = (
  spec: CertificateSpec,
  certificate: StoredCertificate,
  renewal: RenewalRecord | undefined,
  asking: Asking,
) => Promise<RenewalRecord | undefined>

export type SettlerOptions = {
  readonly state: string
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly onEvent: OnEvent
}

/** Nothing is asked before the first call. */
export function createSettler({ state, clientFor, onEvent }: SettlerOptions, runtime: Runtime): Settle {
  return async (spec, certificate, renewal, { signal, silent }) => {
    const authority = [spec.authority, ...spec.fallbacks].find(({ id }) => id === certificate.authority.id)
    const warn = (error: AppError) =>
      onEvent({
        certificate: spec.name,
        step: 'renewal-info',
        level: 'warning',
        text: `it is not settled when to renew: ${error.message}`,
      })
    // What is written down without having asked would not be asked for again.
    if (authority !== undefined && silent.has(authority.id)) return renewal
    try {
      const client = authority === undefined ? undefined : await clientFor(authority)
      const { record, error } = await settleRenewal(
        state,
        { spec, certificate, renewal, client, signal },
        runtime,
      )
      const before = renewal?.fingerprint === record.fingerprint ? renewal.advice : undefined
      await recordHistory(state, spec.name, adviceHistory(before, record.advice), runtime)
      if (error === undefined || authority === undefined) return record
      silent.add(authority.id)
      warn(error)
      return record
    } catch (error) {
      // The certificate is due by its lifetime then, and nothing is lost.
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      warn(error)
      return renewal
    }
  }
}
