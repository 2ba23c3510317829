/** A certificate that was just seen at a target counts as delivered there. */
import type { Runtime } from '../../runtime/runtime.ts'
import type { EndpointResult } from '../observe/endpoint-result.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import { type CertificateSpec, type DeployTarget, targetName } from '../spec.ts'
import { readDeployments, writeDeployments } from '../store/deployments.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

export type Delivered = {
  readonly spec: Pick<CertificateSpec, 'name'>
  readonly target: DeployTarget
  readonly certificate: StoredCertificate
  /** All of them show it. */
  readonly endpoints: readonly EndpointResult[]
}

/** Writes it down beside the other targets, so that it is not delivered again for nothing. */
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
