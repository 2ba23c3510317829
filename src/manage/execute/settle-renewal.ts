/** Settling when a certificate is renewed: the draw that spreads renewals, and the CA's advice (RFC 9773). */
import { type AppError, isAppError } from '../../base/errors.ts'
import { dayMs, hourMs, type Instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { AcmeClient } from '../../client/client.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { adviceDueAt } from '../plan/advice.ts'
import { takeAdvice } from '../plan/renewal-time.ts'
import type { CertificateSpec } from '../spec.ts'
import { type RenewalRecord, writeRenewal } from '../store/renewals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** Pauses before a CA is asked again: after a fault that may pass, after any other, and where it gives no advice at all. */
const askAgainMs = { soon: hourMs, later: 6 * hourMs, unsupported: dayMs } as const
/** From the certificate on the disk to the question about it: a reload, and looks at endpoints. */
const justStoredMs = 2 * minuteMs
const passing: readonly AppError['code'][] = [
  'ERR_NETWORK',
  'ERR_TIMEOUT',
  'ERR_REPLY_LOST',
  'ERR_RATE_LIMITED',
]

export type SettleOptions = {
  readonly spec: CertificateSpec
  readonly certificate: StoredCertificate
  /** What was settled so far, perhaps about an earlier certificate. */
  readonly renewal: RenewalRecord | undefined
  /** The CA that issued it; absent where it is not to be asked now. */
  readonly client: AcmeClient | undefined
  readonly signal: AbortSignal
}

/** Whether there is something to settle or to ask. Pure. */
export function isUnsettled(
  { certificate, renewal, spec }: Pick<SettleOptions, 'certificate' | 'renewal' | 'spec'>,
  now: Instant,
): boolean {
  if (renewal?.fingerprint !== certificate.fingerprint) return true
  if (JSON.stringify(renewal.at) !== JSON.stringify(spec.renew.at)) return true
  const dueAt = adviceDueAt(certificate, renewal, now)
  return dueAt !== undefined && dueAt <= now && certificate.notAfter > now
}

/**
 * Draws what must be drawn, asks the CA if there is one to ask, and writes down what came of it.
 * @returns the record, and the error where the CA could not be asked: that is never more than a warning
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function settleRenewal(
  state: string,
  { spec, certificate, renewal, client, signal }: SettleOptions,
  { clock, random, files }: Pick<Runtime, 'clock' | 'random' | 'files'>,
): Promise<{ readonly record: RenewalRecord; readonly error?: AppError }> {
  const { fingerprint, certificateId } = certificate
  const known: RenewalRecord =
    renewal?.fingerprint === fingerprint ? renewal : { fingerprint, draw: random.fraction() }
  const { at: _, ...settled } = known
  const base: RenewalRecord = { ...settled, ...(spec.renew.at !== undefined && { at: spec.renew.at }) }
  let record = base
  let error: AppError | undefined
  if (client !== undefined && certificateId !== undefined) {
    // An answer that cannot be kept would be asked for at every look. Where a certificate was just stored, that works.
    if (clock.now() - certificate.storedAt > justStoredMs) {
      const asked = { ...base, checkAgainAt: plusMs(clock.now(), askAgainMs.soon) }
      await writeRenewal(state, spec.name, asked, { files })
    }
    try {
      const { info, checkAgainAt } = await client.renewalInfo(certificateId, { signal })
      const { suggestedWindow: window, explanationURL: explanationUrl } = info
      const advice = { ...window, ...(explanationUrl !== undefined && { explanationUrl }) }
      record = { ...base, advice: takeAdvice(advice, base.advice, random.fraction()), checkAgainAt }
    } catch (thrown) {
      if (!isAppError(thrown) || thrown.code === 'ERR_ABORTED') throw thrown
      if (thrown.code !== 'ERR_UNSUPPORTED') error = thrown
      record = { ...base, checkAgainAt: plusMs(clock.now(), pauseAfter(thrown)) }
    }
  }
  await writeRenewal(state, spec.name, record, { files })
  return { record, ...(error && { error }) }
}

function pauseAfter({ code }: AppError): number {
  if (code === 'ERR_UNSUPPORTED') return askAgainMs.unsupported
  return passing.includes(code) ? askAgainMs.soon : askAgainMs.later
}
