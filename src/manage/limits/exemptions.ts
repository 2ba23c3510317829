/** What the next order for a certificate is exempt from. Pure. */
import type { Instant } from '../../base/instant.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import type { CertificateSpec } from '../spec.ts'
import type { Exemption } from './limit.ts'
import { orderExemptions } from './order-facts.ts'

type Stored = Pick<CertificateView, 'generations' | 'renewal'>

/** The RFC 9773 identifier of the certificate that an order names as replaced; `undefined` where it cannot name one. */
export function replacedBy(
  { authority }: Pick<CertificateSpec, 'authority'>,
  view: Pick<CertificateView, 'generations'>,
): string | undefined {
  const replaced = newest(view)
  return replaced?.authority.id === authority.id ? replaced.certificateId : undefined
}

/**
 * By the CA's own advice and by what it issued before.
 * @param options - `replaces`: what the order will name
 */
export function exemptionsOf(
  { identifiers, authority }: Pick<CertificateSpec, 'identifiers' | 'authority'>,
  { generations, renewal }: Stored,
  { replaces, now }: { readonly replaces?: string | undefined; readonly now: Instant },
): readonly Exemption[] {
  const replaced = newest({ generations })
  const advised = replaces !== undefined && renewal?.fingerprint === replaced?.fingerprint
  return orderExemptions(identifiers, {
    window: advised ? renewal?.advice : undefined,
    issued: generations.filter(stored => stored.authority.directory === authority.directory),
    now,
  })
}
