/** Checking certificate chains (RFC 5280 §6.1), for TLS servers. */

import { formatInstant, type Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { Certificate } from './certificate.ts'
import { samePublicKey } from './key.ts'
import { allowsName } from './name-constraints.ts'
import { oids } from './oids.ts'
import { verifySigned } from './signature.ts'

export const chainProblemKinds = [
  'empty',
  'not-yet-valid',
  'expired',
  'critical-extension',
  'purpose',
  'order',
  'not-a-ca',
  'path-length',
  'name-constraints',
  'signature',
  'unknown-root',
] as const
/** What is wrong with a chain: which member (0 is the leaf), what, and a sentence about it that is safe to show. */
export type ChainProblem = {
  readonly kind: (typeof chainProblemKinds)[number]
  readonly position: number
  readonly text: string
}

type Finding = Omit<ChainProblem, 'position'>

/**
 * The first problem of a chain, or `undefined` when it is good. Each member must be signed by the next. With roots,
 * some member must be one of them (also by a cross-certificate: the same name and key) or be signed by one.
 * Revocation and the names in the leaf are not looked at.
 * @param chain - leaf first
 * @param roots - trusted whatever signs them; without them the chain is checked as far as it goes
 */
export function checkChain(
  chain: readonly Certificate[],
  { roots, at }: { readonly roots?: readonly Certificate[] | undefined; readonly at: Instant },
): ChainProblem | undefined {
  if (chain.length === 0) return { kind: 'empty', position: 0, text: 'the chain has no certificate' }
  for (const [position, certificate] of chain.entries()) {
    const issuer = chain[position + 1]
    const finding =
      findMemberProblem(certificate, at) ??
      (issuer === undefined ? undefined : findLinkProblem(chain.slice(0, position + 1), issuer))
    if (finding !== undefined) return { ...finding, position }
  }
  if (roots === undefined || isAnchored(chain, roots, at)) return undefined
  const position = chain.length - 1
  const issuer = chain[position]?.issuer ?? ''
  return {
    kind: 'unknown-root',
    position,
    text: `no trusted root leads to the chain, which ends at "${issuer}"`,
  }
}

function isAnchored(chain: readonly Certificate[], roots: readonly Certificate[], at: Instant): boolean {
  const usable = roots.filter(root => findMemberProblem(root, at) === undefined)
  return chain.some((member, position) =>
    usable.some(
      root =>
        (sameBytes(root.subjectDer, member.subjectDer) && samePublicKey(root.publicKey, member.publicKey)) ||
        findLinkProblem(chain.slice(0, position + 1), root) === undefined,
    ),
  )
}

/** What is wrong with a certificate by itself. */
function findMemberProblem(certificate: Certificate, at: Instant): Finding | undefined {
  const { subject, notBefore, notAfter, unknownCriticalExtensions, extendedKeyUsages } = certificate
  const [unknown] = unknownCriticalExtensions
  if (at < notBefore) {
    return { kind: 'not-yet-valid', text: `"${subject}" is valid only from ${formatInstant(notBefore)} on` }
  }
  if (at > notAfter)
    return { kind: 'expired', text: `"${subject}" was valid until ${formatInstant(notAfter)}` }
  if (unknown !== undefined) {
    return {
      kind: 'critical-extension',
      text: `"${subject}" has the critical extension ${unknown}, which is not known`,
    }
  }
  const forServers = [oids.serverAuth, oids.anyExtendedKeyUsage]
  if (extendedKeyUsages !== undefined && !forServers.some(purpose => extendedKeyUsages.includes(purpose))) {
    return { kind: 'purpose', text: `"${subject}" is not meant for TLS servers` }
  }
  return undefined
}

/** Why `issuer` does not stand for the last of `below`. */
function findLinkProblem(below: readonly Certificate[], issuer: Certificate): Finding | undefined {
  const subject = below.at(-1)
  if (subject === undefined) return undefined
  if (!sameBytes(subject.issuerDer, issuer.subjectDer)) {
    return {
      kind: 'order',
      text: `"${subject.subject}" was issued by "${subject.issuer}", not by "${issuer.subject}"`,
    }
  }
  if (!issuer.isCa || issuer.keyUsage?.includes('keyCertSign') === false) {
    return { kind: 'not-a-ca', text: `"${issuer.subject}" may not issue certificates` }
  }
  // Certificates that an authority issued to itself do not count (RFC 5280 §4.2.1.9).
  const authorities = below.slice(1).filter(({ subjectDer, issuerDer }) => !sameBytes(subjectDer, issuerDer))
  if (issuer.pathLength !== undefined && authorities.length > issuer.pathLength) {
    return {
      kind: 'path-length',
      text: `"${issuer.subject}" has more CA certificates below it than it may have`,
    }
  }
  const { nameConstraints } = issuer
  const forbidden =
    nameConstraints === undefined
      ? undefined
      : below.flatMap(({ identifiers }) => identifiers).find(name => !allowsName(nameConstraints, name))
  if (forbidden !== undefined) {
    return {
      kind: 'name-constraints',
      text: `"${issuer.subject}" may not issue certificates for ${printable(forbidden.value)}`,
    }
  }
  if (!verifySigned(subject.signed, issuer.publicKey)) {
    return { kind: 'signature', text: `"${subject.subject}" is not signed by "${issuer.subject}"` }
  }
  return undefined
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
