/** Where a certificate was delivered, and what is served there at this moment. */
import { mapConcurrently } from '../../base/concurrent.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { deployableOf } from '../deployable.ts'
import type { CertificateView } from '../observe/observation.ts'
import { newest } from '../observe/observation.ts'
import { probeEndpoint } from '../observe/probe.ts'
import { observeTargets, type TargetsOptions } from '../observe/targets.ts'
import type { CertificateSpec } from '../spec.ts'
import type { Deployment } from '../store/deployments.ts'
import type { Sight } from './timeline.ts'

/** Handshakes under way at once. */
const probeConcurrency = 10

/**
 * Asks the endpoints of every target. Where a target's configuration cannot be read, and for a certificate that is not
 * configured, those of the last delivery are asked.
 * @throws AppError ERR_ABORTED
 */
export async function observeSights(
  state: string,
  { spec, view }: { readonly spec: CertificateSpec | undefined; readonly view: CertificateView },
  options: TargetsOptions,
  runtime: Pick<Runtime, 'probeTls' | 'resolver'>,
): Promise<readonly Sight[]> {
  const certificate = newest(view)
  const probeAll = (endpoints: readonly Endpoint[]) =>
    mapConcurrently(endpoints, probeConcurrency, one => probeEndpoint(one, options, runtime))
  if (spec === undefined || certificate === undefined) {
    return await Promise.all(
      view.deployments.map(async deployment => ({
        ...deliveryOf(deployment),
        target: deployment.target,
        endpoints: await probeAll(deployment.endpoints ?? []),
      })),
    )
  }
  const targets = await observeTargets(spec, deployableOf(state, spec, certificate), options, runtime)
  return await Promise.all(
    targets.map(async ({ target, endpoints, error }) => {
      const deployment = view.deployments.find(one => one.target === target)
      return {
        target,
        ...deliveryOf(deployment),
        endpoints: error === undefined ? endpoints : await probeAll(deployment?.endpoints ?? []),
        ...(error !== undefined && { failure: error }),
      }
    }),
  )
}

function deliveryOf(deployment: Deployment | undefined): Pick<Sight, 'generation' | 'at' | 'failure'> {
  if (deployment === undefined) return {}
  const { generation, at, failure } = deployment
  return { generation, at, ...(failure !== undefined && { failure }) }
}
