/** What is, as opposed to what is wanted. */
import type { AppError } from '../../base/errors.ts'
import type { SpecName } from '../spec.ts'
import type { Deployment } from '../store/deployments.ts'
import type { RunState } from '../store/runs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** One certificate as the store holds it. */
export type CertificateView = {
  readonly name: SpecName
  /** Oldest first; damaged generations are not among them. */
  readonly generations: readonly StoredCertificate[]
  readonly damaged: readonly AppError[]
  /** The generation that `live/<name>` leads to, if it is whole. */
  readonly live?: StoredCertificate
  readonly run?: RunState
  readonly deployments: readonly Deployment[]
}

/** The newest whole generation. */
export function newest({ generations }: CertificateView): StoredCertificate | undefined {
  return generations.at(-1)
}

/** All of it, at one instant. */
export type Observation = {
  readonly at: Instant
  readonly certificates: ReadonlyMap<SpecName, CertificateView>
}
