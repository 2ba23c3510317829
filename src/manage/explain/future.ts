/** What lies ahead of a certificate. Pure. */
import { formatInstant, type Instant } from '../../base/instant.ts'
import { newest } from '../observe/observation.ts'
import { expectedRenewal, type RenewalTime, safetyMargin } from '../plan/renewal-time.ts'
import { nextInWindow } from '../plan/windows.ts'
import type { CertificateSpec } from '../spec.ts'
import type { RenewalRecord } from '../store/renewals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { TimelineEntry, TimelineFacts } from './timeline.ts'

/** The future, the next first: attempts, the CA's window and the time chosen from it, the margin, the end. */
export function futureOf(
  { spec, action, view, timeZone }: Pick<TimelineFacts, 'spec' | 'action' | 'view' | 'timeZone'>,
  now: Instant,
): readonly TimelineEntry[] {
  const certificate = newest(view)
  const entries: TimelineEntry[] = []
  if (action?.kind === 'wait') entries.push({ at: action.until, kind: 'attempt', text: 'it is tried again' })
  if (certificate !== undefined) {
    const record = view.renewal?.fingerprint === certificate.fingerprint ? view.renewal : undefined
    if (certificate.revokedAt === undefined && spec !== undefined)
      entries.push(...renewalOf(certificate, { spec, record, timeZone }))
    entries.push({ at: certificate.notAfter, kind: 'expiry', text: 'it ends' })
  }
  return entries.filter(({ at }) => at > now).toSorted((one, other) => one.at - other.at)
}

function renewalOf(
  certificate: StoredCertificate,
  {
    spec,
    record,
    timeZone,
  }: {
    readonly spec: CertificateSpec
    readonly record: RenewalRecord | undefined
    readonly timeZone: string | undefined
  },
): readonly TimelineEntry[] {
  const renewal = expectedRenewal(certificate, record, spec.renew.at)
  const margin = safetyMargin(certificate)
  const opensAt = nextInWindow(spec.renew.windows, renewal.at, timeZone)
  const waits = opensAt > renewal.at && opensAt < margin
  const inWindow = waits ? `; the maintenance window opens at ${formatInstant(opensAt)}` : ''
  const { advice, checkAgainAt } = record ?? {}
  return [
    ...(checkAgainAt === undefined
      ? []
      : [entry(checkAgainAt, 'advice-check', 'the CA is asked again when to renew')]),
    ...(advice === undefined
      ? []
      : [
          entry(advice.start, 'window-opens', 'the window begins in which the CA advises to renew'),
          entry(advice.end, 'window-closes', 'the window of the CA ends'),
        ]),
    entry(renewal.at, 'renewal', `renewal, ${reasons[renewal.source](spec)}${inWindow}`),
    entry(margin, 'safety-margin', 'from here on nothing delays a renewal any more'),
  ]
}

function entry(at: Instant, kind: TimelineEntry['kind'], text: string): TimelineEntry {
  return { at, kind, text }
}

const reasons: Readonly<Record<RenewalTime['source'], (spec: CertificateSpec) => string>> = {
  'renewal-info': () => 'at the instant that was drawn from the window of the CA',
  lifetime: ({ renew }) =>
    renew.at === undefined ? 'by the share of its life that is left' : 'as the configuration asks',
  'safety-margin': () => 'because nothing may delay it any longer',
}
