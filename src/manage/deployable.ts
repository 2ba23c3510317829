/** What deployers are told of a certificate, and what they find. */
import type { DeployableCertificate, Deployer, Inspection } from '../contracts/deployer.ts'
import { keyKindOf } from './pair.ts'
import type { CertificateSpec } from './spec.ts'
import { livePath } from './store/paths.ts'
import { hasPrivateKey, type StoredCertificate } from './store/stored-certificate.ts'

/** A stored certificate as deployers know it. Pure. */
export function deployableOf(
  state: string,
  { name, keyType, pair }: Pick<CertificateSpec, 'name' | 'keyType' | 'pair'>,
  { identifiers, fingerprint, files }: StoredCertificate,
): DeployableCertificate {
  return {
    ...{ name, identifiers, fingerprint, liveDirectory: livePath(state, name) },
    ...(!hasPrivateKey({ files }) && { keyIsElsewhere: true }),
    ...(pair !== undefined && {
      pair: { keyKind: keyKindOf(keyType), otherDirectory: livePath(state, pair) },
    }),
  }
}

/** Inspects a target; the endpoints are asked for the certificate's kind of key, where there are two. */
export async function inspectTarget(
  deployer: Deployer,
  certificate: DeployableCertificate,
  options: { readonly signal: AbortSignal },
): Promise<Inspection> {
  const inspection = await deployer.inspect(certificate, options)
  const { pair } = certificate
  if (inspection.state !== 'ready' || pair === undefined) return inspection
  const endpoints = inspection.endpoints.map(endpoint => ({ ...endpoint, keyKind: pair.keyKind }))
  return { ...inspection, endpoints }
}
