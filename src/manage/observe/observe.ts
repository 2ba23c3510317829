/** Reading the store. */
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDeployments } from '../store/deployments.ts'
import { listGenerations, liveGeneration } from '../store/generations.ts'
import { readRun } from '../store/runs.ts'
import type { CertificateView } from './observation.ts'

/**
 * What the store holds of one certificate.
 * @throws AppError ERR_STORE; damage is a value
 */
export async function observeCertificate(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<CertificateView> {
  const { stored, damaged } = await listGenerations(state, name, { files })
  const liveId = await liveGeneration(state, name, { files })
  const live = stored.find(({ generation }) => generation === liveId)
  const run = await readRun(state, name, { files })
  const deployments = await readDeployments(state, name, { files })
  return {
    name,
    generations: stored,
    damaged,
    ...(live !== undefined && { live }),
    ...(run !== undefined && { run }),
    deployments,
  }
}
