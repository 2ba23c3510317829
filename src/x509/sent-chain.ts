/** What a server sent of a chain: whether it leads to a root, and what is missing, out of place or of no use. Pure. */
import type { Instant } from '../base/instant.ts'
import type { Certificate } from './certificate.ts'
import { type ChainProblem, checkChain } from './chain.ts'
import { verifySigned } from './signature.ts'

export const sentChainStates = [
  /** It leads to a root that is known. */
  'complete',
  /** A certificate is missing: the last one's issuer was not sent and is no root that is known. */
  'incomplete',
  /** It ends at a certificate that signed itself and is not known. */
  'untrusted',
  /** A member of it is not good. */
  'broken',
] as const
export type SentChainState = (typeof sentChainStates)[number]

export type SentChain = {
  readonly state: SentChainState
  /** What is wrong, and what could be better; safe to show. Empty when all is well. */
  readonly remarks: readonly string[]
}

export type SentChainOptions = {
  /** Those that clients are taken to trust. */
  readonly roots: readonly Certificate[]
  /**
   * What should be sent, leaf first, where that is known: what a CA that nobody here trusts issued is whole with it. It does
   * not count where another leaf was sent.
   */
  readonly expected?: readonly Certificate[]
  readonly at: Instant
}

/**
 * Judges what was sent. Whether the leaf is in its time is not part of it.
 * @param sent - as it was sent; the leaf must be first (RFC 8446 §4.4.2)
 */
export function judgeSentChain(
  sent: readonly Certificate[],
  { roots, expected, at }: SentChainOptions,
): SentChain {
  const path = pathOf(sent)
  const [leaf] = path
  const then = leaf === undefined ? at : clamp(at, leaf)
  const problem = checkChain(path, { roots, at: then })
  const remarks = [...orderRemarks(sent, path), ...needlessRemarks(sent, path, roots)]
  // Of another leaf, what should be sent is not known.
  const missing =
    leaf !== undefined && expected?.[0]?.fingerprint === leaf.fingerprint
      ? expected.filter(wanted => !path.some(({ fingerprint }) => fingerprint === wanted.fingerprint))
      : undefined
  if (problem !== undefined && problem.kind !== 'unknown-root') {
    return { state: 'broken', remarks: [problem.text, ...remarks] }
  }
  if (problem === undefined || missing?.length === 0) return { state: 'complete', remarks }
  const missed = missing?.map(({ subject }) => `the certificate of "${subject}" was not sent`) ?? []
  if (missed.length > 0) return { state: 'incomplete', remarks: [...missed, ...remarks] }
  const { state, remark } = endOf(path, problem)
  return { state, remarks: [remark, ...remarks] }
}

/** The instant nearest to `at` at which the certificate is good. */
function clamp(at: Instant, { notBefore, notAfter }: Certificate): Instant {
  if (at < notBefore) return notBefore
  return at > notAfter ? notAfter : at
}

function endOf(
  path: readonly Certificate[],
  { text }: ChainProblem,
): { readonly state: SentChainState; readonly remark: string } {
  const last = path.at(-1)
  if (last === undefined) return { state: 'broken', remark: text }
  if (isSelfIssued(last)) {
    const remark =
      path.length === 1
        ? 'the certificate is self-signed'
        : `it ends at "${last.subject}", which is no root that is trusted here`
    return { state: 'untrusted', remark }
  }
  const remark = `the certificate of "${last.issuer}" was not sent, and it is no root that is trusted here`
  return { state: 'incomplete', remark }
}

/** From the leaf up: each one's issuer, by name and signature, wherever it stands. */
function pathOf(sent: readonly Certificate[]): readonly Certificate[] {
  const path = sent.slice(0, 1)
  for (;;) {
    const last = path.at(-1)
    if (last === undefined || isSelfIssued(last)) return path
    const issuer = sent.find(
      one =>
        !path.includes(one) &&
        sameBytes(one.subjectDer, last.issuerDer) &&
        verifySigned(last.signed, one.publicKey),
    )
    if (issuer === undefined) return path
    path.push(issuer)
  }
}

function orderRemarks(sent: readonly Certificate[], path: readonly Certificate[]): readonly string[] {
  const places = path.map(member => sent.indexOf(member))
  const inOrder = places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0))
  return inOrder ? [] : ['the certificates were sent out of order']
}

function needlessRemarks(
  sent: readonly Certificate[],
  path: readonly Certificate[],
  roots: readonly Certificate[],
): readonly string[] {
  const isRoot = (one: Certificate) => roots.some(({ fingerprint }) => fingerprint === one.fingerprint)
  return sent.flatMap((one, index) => {
    if (sent.findIndex(({ fingerprint }) => fingerprint === one.fingerprint) < index)
      return [`"${one.subject}" was sent twice`]
    if (!path.includes(one)) return [`"${one.subject}" was sent and leads nowhere`]
    return index > 0 && isSelfIssued(one) && isRoot(one)
      ? [`"${one.subject}" is a root, which clients have and nobody needs to send`]
      : []
  })
}

function isSelfIssued({ subjectDer, issuerDer, signed, publicKey }: Certificate): boolean {
  return sameBytes(subjectDer, issuerDer) && verifySigned(signed, publicKey)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
