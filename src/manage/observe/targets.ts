/** Looking at the targets of a certificate: their configuration, and what their endpoints serve. */

import { mapConcurrently } from '../../base/concurrent.ts'
import type { AppError } from '../../base/errors.ts'
import type { DeployableCertificate, Deployer } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { inspectTarget } from '../deployable.ts'
import { type CertificateSpec, type DeployTarget, targetName } from '../spec.ts'
import type { EndpointResult } from './endpoint-result.ts'
import { probeEndpoint } from './probe.ts'

/** Handshakes under way at once for one target. */
const probeConcurrency = 10

/** One target as it was found. */
export type TargetSight = {
  readonly target: string
  readonly endpoints: readonly EndpointResult[]
  /** What a person should know. */
  readonly notes: readonly string[]
  /** Why its endpoints could not be found. */
  readonly error?: AppError
}

export type TargetsOptions = {
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly signal: AbortSignal
}

/**
 * Inspects every target of a certificate, and asks the endpoints that are found.
 * @throws AppError ERR_ABORTED
 */
export async function observeTargets(
  spec: Pick<CertificateSpec, 'deploy'>,
  certificate: DeployableCertificate,
  { deployerFor, signal }: TargetsOptions,
  runtime: Pick<Runtime, 'probeTls' | 'resolver'>,
): Promise<readonly TargetSight[]> {
  const sights: TargetSight[] = []
  for (const target of spec.deploy) {
    const inspection = await inspectTarget(await deployerFor(target), certificate, { signal })
    const found = { target: targetName(target), endpoints: [], notes: [] }
    if (inspection.state !== 'ready') sights.push({ ...found, error: inspection.error })
    else {
      const endpoints = await mapConcurrently(inspection.endpoints, probeConcurrency, endpoint =>
        probeEndpoint(endpoint, { signal }, runtime),
      )
      sights.push({ ...found, endpoints, notes: inspection.notes })
    }
  }
  return sights
}
