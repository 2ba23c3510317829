/** What is known of the certificates, as metrics. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { isAppError } from '../../base/errors.ts'
import { type Instant, secondMs } from '../../base/instant.ts'
import type { ApplyResult } from '../../manage/apply-result.ts'
import { endpointName } from '../../manage/observe/endpoint-result.ts'
import { type CertificateView, newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { expectedRenewal } from '../../manage/plan/renewal-time.ts'
import type { CertificateSpec } from '../../manage/spec.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { formatMetrics, type MetricFamily } from './exposition.ts'
import type { Measurements } from './meter.ts'

/** Certificates that are read at once. */
const readingConcurrency = 16

/** One certificate, as far as it could be read. */
export type SeenCertificate = {
  readonly spec: Pick<CertificateSpec, 'name' | 'renew'>
  readonly view: CertificateView | undefined
  /** Errors that are not in the store: what could not be read, what was refused. */
  readonly errors: readonly { readonly code: string }[]
}

/** What is shown of the certificates, and what of it is in no store. */
export type Shown = Pick<Measurements, 'served'> & {
  readonly specs: readonly CertificateSpec[]
  readonly results: readonly ApplyResult[]
}

/** The certificates as they are now, in the text format of metrics. */
export async function certificatesText(
  state: string,
  { specs, results, served }: Shown,
  runtime: Pick<Runtime, 'files'>,
): Promise<string> {
  const certificates = withRefusals(await seeCertificates(state, specs, runtime), results)
  return formatMetrics(certificateFamilies(certificates, { served }))
}

/** Reads the certificates of a configuration. Never throws for one that cannot be read. */
export function seeCertificates(
  state: string,
  specs: readonly CertificateSpec[],
  runtime: Pick<Runtime, 'files'>,
): Promise<readonly SeenCertificate[]> {
  return mapConcurrently(specs, readingConcurrency, async spec => {
    try {
      const view = await observeCertificate(state, spec.name, runtime, { trustUntouched: true })
      return { spec, view, errors: [] }
    } catch (error) {
      if (!isAppError(error)) throw error
      return { spec, view: undefined, errors: [error] }
    }
  })
}

/** With what a run refused to do, which is not in the store. Pure. */
export function withRefusals(
  certificates: readonly SeenCertificate[],
  results: readonly ApplyResult[],
): readonly SeenCertificate[] {
  const refused = new Map(
    results.flatMap(({ spec, outcome, error }) =>
      outcome === 'refused' && error !== undefined ? [[spec.name, error]] : [],
    ),
  )
  return certificates.map(one => {
    const error = refused.get(one.spec.name)
    return error === undefined ? one : { ...one, errors: [...one.errors, error] }
  })
}

/** Families of metrics, one series or more for each certificate. Pure. */
export function certificateFamilies(
  certificates: readonly SeenCertificate[],
  { served }: Pick<Measurements, 'served'>,
): readonly MetricFamily[] {
  const each = (samplesOf: (certificate: SeenCertificate) => Samples) => certificates.flatMap(samplesOf)
  return [
    {
      name: 'certwright_certificate_not_after_timestamp_seconds',
      help: 'When the newest certificate ends.',
      type: 'gauge',
      samples: each(({ spec, view }) => timeSample(spec.name, view && newest(view)?.notAfter)),
    },
    {
      name: 'certwright_certificate_renewal_timestamp_seconds',
      help: 'When it is due for renewal.',
      type: 'gauge',
      samples: each(({ spec, view }) => timeSample(spec.name, view && renewalOf(view, spec))),
    },
    {
      name: 'certwright_certificate_last_success_timestamp_seconds',
      help: 'When it was last obtained or delivered without a failure.',
      type: 'gauge',
      samples: each(({ spec, view }) => timeSample(spec.name, view && lastSuccess(view))),
    },
    {
      name: 'certwright_last_error',
      help: 'How often in a row something failed, by the code of the last failure; gone with the first success.',
      type: 'gauge',
      samples: each(({ spec, view, errors }) => errorSamples(spec.name, view, errors)),
    },
    {
      name: 'certwright_endpoint_served',
      help: 'Whether an endpoint served the newest certificate when it was looked at last.',
      type: 'gauge',
      samples: each(({ spec, view }) => (view === undefined ? [] : servedSamples(spec.name, view, served))),
    },
  ]
}

type Samples = Extract<MetricFamily, { readonly type: 'gauge' }>['samples']

function timeSample(name: string, at: Instant | undefined): Samples {
  return at === undefined ? [] : [{ labels: { name }, value: at / secondMs }]
}

function renewalOf(view: CertificateView, { renew }: SeenCertificate['spec']): Instant | undefined {
  const current = newest(view)
  return current && expectedRenewal(current, view.renewal, renew.at).at
}

function lastSuccess(view: CertificateView): Instant | undefined {
  const times = [
    ...view.generations.map(({ storedAt }) => storedAt),
    ...view.deployments.filter(({ failure }) => failure === undefined).map(({ at }) => at),
  ]
  return times.length === 0 ? undefined : times.reduce((one, other) => (other > one ? other : one))
}

function errorSamples(
  name: string,
  view: CertificateView | undefined,
  errors: SeenCertificate['errors'],
): Samples {
  const counts = new Map<string, number>()
  const { issuance, delivery } = view?.attempts ?? {}
  const failed = [issuance, delivery].flatMap(one => (one ? [{ code: one.last.code, count: one.count }] : []))
  for (const { code, count } of [...failed, ...errors.map(({ code }) => ({ code, count: 1 }))])
    counts.set(code, Math.max(counts.get(code) ?? 0, count))
  return Array.from(counts, ([code, value]) => ({ labels: { name, code }, value }))
}

function servedSamples(name: string, view: CertificateView, served: Measurements['served']): Samples {
  const endpoints = view.deployments.flatMap(deployment => deployment.endpoints ?? [])
  const states = new Map<string, number>()
  for (const endpoint of endpoints) {
    const seen = served(endpoint)
    if (seen === undefined) continue
    states.set(endpointName(endpoint), seen.fingerprint === newest(view)?.fingerprint ? 1 : 0)
  }
  return Array.from(states, ([endpoint, value]) => ({ labels: { name, endpoint }, value }))
}
