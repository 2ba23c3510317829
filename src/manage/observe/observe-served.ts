/** Reading the store, and asking the endpoints. */
import { mapConcurrently } from '../../base/concurrent.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import type { ReadingOptions } from '../store/generations.ts'
import { changedCopies } from './copies.ts'
import { type CertificateView, newest } from './observation.ts'
import { observeCertificate } from './observe.ts'
import { probeEndpoint } from './probe.ts'

/** Handshakes under way at once for one certificate. */
const probeConcurrency = 10

/**
 * What the store holds of one certificate, which copies of its newest generation were changed, and what the endpoints serve
 * at which it was delivered.
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function observeServed(
  state: string,
  name: SpecName,
  { signal, ...reading }: ReadingOptions & { readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'files' | 'probeTls' | 'resolver'>,
): Promise<CertificateView> {
  const view = await observeCertificate(state, name, runtime, reading)
  const current = newest(view)
  const delivered = view.deployments.filter(
    ({ generation, failure }) => failure === undefined && generation === current?.generation,
  )
  const endpoints = delivered.flatMap(deployment => deployment.endpoints ?? [])
  const copied = { ...view, changedCopies: await changedCopies(delivered, runtime) }
  if (endpoints.length === 0) return copied
  return {
    ...copied,
    endpoints: await mapConcurrently(endpoints, probeConcurrency, endpoint =>
      probeEndpoint(endpoint, { signal }, runtime),
    ),
  }
}
