/** The configuration of the servers that a certificate is for. */
import { printable } from '../../base/printable.ts'
import type { DeployableCertificate, Deployer, Inspection } from '../../contracts/deployer.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import { type CertificateSpec, type DeployTarget, targetName } from '../spec.ts'
import { livePath } from '../store/paths.ts'
import { type Finding, finding } from './finding.ts'

export type ServersOptions = {
  readonly spec: CertificateSpec
  readonly view: CertificateView
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly signal: AbortSignal
}

/**
 * Inspects every target, as it is done before a delivery. Nothing is changed.
 * @throws AppError ERR_ABORTED
 */
export async function checkServers(
  state: string,
  { spec, view, deployerFor, signal }: ServersOptions,
): Promise<readonly Finding[]> {
  if (spec.deploy.length === 0) return [finding('server', 'skipped', 'no targets are configured')]
  const current = newest(view)
  const certificate: DeployableCertificate = {
    name: spec.name,
    identifiers: spec.identifiers,
    liveDirectory: livePath(state, spec.name),
    fingerprint: current?.fingerprint ?? '',
    ...(spec.csr !== undefined && { keyIsElsewhere: true }),
  }
  const findings: Finding[] = []
  for (const target of spec.deploy) {
    const inspection = await (await deployerFor(target)).inspect(certificate, { signal })
    findings.push(...judgeInspection(targetName(target), inspection, { isFirst: current === undefined }))
  }
  return findings
}

/**
 * What an inspection means. Pure.
 * @param options.isFirst - there is no certificate yet, so a configuration that names its files cannot be good
 */
export function judgeInspection(
  target: string,
  inspection: Inspection,
  { isFirst }: { readonly isFirst: boolean },
): readonly Finding[] {
  if (inspection.state !== 'ready') {
    const { message, hint } = inspection.error
    const outcome = isFirst && inspection.state === 'broken' ? 'warning' : 'failed'
    return [finding('server', outcome, `${target}: ${message}`, hint)]
  }
  const { endpoints, notes } = inspection
  const count = endpoints.length === 1 ? '1 endpoint' : `${endpoints.length} endpoints`
  return [
    finding('server', 'ok', `${target}: its configuration is good, and ${count} will show the certificate`),
    ...notes.map(note => finding('server', 'warning', `${target}: ${printable(note)}`)),
  ]
}
