/** The last look at a certificate before it is handed out: whoever signed it, it is what was ordered. */
import { sameIdentifiers } from '../../acme/identifier.ts'
import type { Instant } from '../../base/instant.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { checkChain } from '../../x509/chain.ts'
import { samePublicKey } from '../../x509/key.ts'
import type { IssueRequest } from './issuer.ts'

/**
 * What is wrong with an issued chain.
 * @param chain - leaf first
 * @returns a sentence, or `undefined` when all is well
 */
export function issuanceProblem(
  chain: readonly Certificate[],
  { publicKey, identifiers }: Pick<IssueRequest, 'publicKey' | 'identifiers'>,
  { at }: { readonly at: Instant },
): string | undefined {
  const [leaf] = chain
  if (leaf === undefined) return 'the chain is empty'
  if (leaf.isCa) return 'the leaf is a CA certificate'
  if (!samePublicKey(leaf.publicKey, publicKey)) return 'the leaf has another key than the request'
  if (!sameIdentifiers(leaf.identifiers, identifiers)) return 'the leaf has other identifiers than the order'
  return checkChain(chain, { at })?.text
}
