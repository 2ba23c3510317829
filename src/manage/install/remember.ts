/** What is known of deliveries to a server whose configuration was edited. */
import type { Runtime } from '../../runtime/runtime.ts'
import type { EndpointResult } from '../observe/endpoint-result.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import { type CertificateSpec, type DeployTarget, targetName } from '../spec.ts'
import { readDeployments, removeDeployments, writeDeployments } from '../store/deployments.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

export type Delivered = {
  readonly spec: Pick<CertificateSpec, 'name'>
  readonly target: DeployTarget
  readonly certificate: StoredCertificate
  /** All of them show it. */
  readonly endpoints: readonly EndpointResult[]
}

/** A certificate that was just seen at a target counts as delivered there. */
export async function rememberDelivery(
  state: string,
  { spec, target, certificate, endpoints }: Delivered,
  runtime: Pick<Runtime, 'files' | 'clock'>,
): Promise<void> {
  const name = targetName(target)
  const others = (await readDeployments(state, spec.name, runtime)).filter(one => one.target !== name)
  const seen = endpoints.map(({ endpoint }) => endpoint)
  const deployment = {
    target: name,
    generation: certificate.generation,
    at: runtime.clock.now(),
    seenAt: seen.map(endpointName),
    endpoints: seen,
  }
  await writeDeployments(state, spec.name, [...others, deployment], runtime)
}

/** What is not served there any more is not looked for. */
export async function forgetDelivery(
  state: string,
  { spec, target }: Pick<Delivered, 'spec' | 'target'>,
  runtime: Pick<Runtime, 'files'>,
): Promise<void> {
  const name = targetName(target)
  const others = (await readDeployments(state, spec.name, runtime)).filter(one => one.target !== name)
  if (others.length > 0) await writeDeployments(state, spec.name, others, runtime)
  else await removeDeployments(state, spec.name, runtime)
}
