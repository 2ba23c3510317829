/** Whether the endpoints of a target show a certificate. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { minuteMs, secondMs } from '../../base/instant.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OnEvent } from '../events.ts'
import { type EndpointResult, endpointName } from '../observe/endpoint-result.ts'
import { probeEndpoint } from '../observe/probe.ts'
import type { CertificateSpec } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** How long an endpoint may take to show the new certificate. */
const servedWithinMs = minuteMs
const probe = { firstMs: 40, factor: 1.5, maxMs: 2 * secondMs } as const
const probeConcurrency = 10
/** nginx lets old and new workers accept side by side for 100 ms (its master process sleeps that long). */
const changeOverMs = 150

export type ServedOptions = {
  readonly spec: CertificateSpec
  readonly certificate: StoredCertificate
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

/** One look at every endpoint. */
export function probeAll(
  endpoints: readonly Endpoint[],
  { signal }: { readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'probeTls' | 'resolver'>,
): Promise<readonly EndpointResult[]> {
  return mapConcurrently(endpoints, probeConcurrency, endpoint =>
    probeEndpoint(endpoint, { signal }, runtime),
  )
}

/**
 * Looks at every endpoint, again and again at growing steps, until all show the leaf or the time is over. Showing it
 * once is not enough: while a server changes over, processes with the old and with the new certificate answer in turn.
 */
export async function probeUntilServed(
  endpoints: readonly Endpoint[],
  { spec, certificate, servedWithinMs: limitMs = servedWithinMs, onEvent, signal }: ServedOptions,
  { clock, probeTls, resolver }: Pick<Runtime, 'clock' | 'probeTls' | 'resolver'>,
): Promise<readonly EndpointResult[]> {
  if (endpoints.length === 0) return []
  const start = clock.monotonic()
  let servedSince: number | undefined
  for (let round = 1; ; round++) {
    const results = await probeAll(endpoints, { signal }, { probeTls, resolver })
    const now = clock.monotonic()
    const done = results.filter(({ fingerprint }) => fingerprint === certificate.fingerprint).length
    const total = endpoints.length
    onEvent({
      certificate: spec.name,
      step: 'verifying',
      level: 'step',
      text: 'looking at what is served',
      done,
      total,
    })
    if (done < total) servedSince = undefined
    else if (now - (servedSince ??= now) >= changeOverMs) return results
    if (done < total && now - start >= limitMs) return results
    const pauseMs = servedSince === undefined ? probe.firstMs * probe.factor ** (round - 1) : changeOverMs
    await clock.sleep(Math.min(pauseMs, probe.maxMs), signal)
  }
}

/** What an endpoint shows instead of the certificate. */
export function describeMissing({ endpoint, failure, notAfter }: EndpointResult): string {
  const seen =
    failure ?? `another certificate${notAfter === undefined ? '' : ', the one that ends '}${notAfter ?? ''}`
  return `${endpointName(endpoint)}: ${seen}`
}
