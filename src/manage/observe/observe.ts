/** Reading the store. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { type AppError, isAppError } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readAttempts } from '../store/attempts.ts'
import { readDeployments } from '../store/deployments.ts'
import { listGenerations, liveGeneration, type ReadingOptions } from '../store/generations.ts'
import { readRenewal } from '../store/renewals.ts'
import { readRun } from '../store/runs.ts'
import { type CertificateView, newest } from './observation.ts'

/** Handshakes under way at once for one certificate. */
const probeConcurrency = 10

/** The same, and what the endpoints serve at which the newest certificate was delivered. */
export async function observeServed(
  state: string,
  name: SpecName,
  { signal }: { readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'files' | 'probeTls'>,
): Promise<CertificateView> {
  const view = await observeCertificate(state, name, runtime)
  const current = newest(view)
  const delivered = view.deployments.filter(
    ({ generation, failure }) => failure === undefined && generation === current?.generation,
  )
  const endpoints = delivered.flatMap(deployment => deployment.endpoints ?? [])
  if (endpoints.length === 0) return view
  const { probeEndpoint } = await import('./probe.ts')
  return {
    ...view,
    endpoints: await mapConcurrently(endpoints, probeConcurrency, endpoint =>
      probeEndpoint(endpoint, { signal }, runtime),
    ),
  }
}

/**
 * What the store holds of one certificate.
 * @throws AppError ERR_STORE; damage is a value
 */
export async function observeCertificate(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
  options: ReadingOptions = {},
): Promise<CertificateView> {
  const { stored, damaged } = await listGenerations(state, name, { files }, options)
  const liveId = await liveGeneration(state, name, { files })
  const live = stored.find(({ generation }) => generation === liveId)
  const unreadable: AppError[] = []
  const orDamaged = async <T>(read: Promise<T>, instead: T): Promise<T> => {
    try {
      return await read
    } catch (error) {
      if (!isAppError(error, 'ERR_STORE_CORRUPT')) throw error
      unreadable.push(error)
      return instead
    }
  }
  const run = await orDamaged(readRun(state, name, { files }), undefined)
  const deployments = await orDamaged(readDeployments(state, name, { files }), [])
  const renewal = await orDamaged(readRenewal(state, name, { files }), undefined)
  const attempts = await orDamaged(readAttempts(state, name, { files }), {})
  return {
    name,
    generations: stored,
    damaged: [...damaged, ...unreadable],
    ...(live !== undefined && { live }),
    ...(run !== undefined && { run }),
    deployments,
    ...(renewal !== undefined && { renewal }),
    attempts,
  }
}
