/** What an issuance is after. Pure. */
import { type Identifier, sameIdentifiers } from '../acme/identifier.ts'
import type { KeyType } from '../x509/key-types.ts'
import type { CertificateSpec } from './spec.ts'

/** What a run is after. It is continued only while the configuration still asks for exactly this. */
export type RunIntent = {
  readonly identifiers: readonly Identifier[]
  readonly keyType: KeyType
  /** Of a key that was made elsewhere. */
  readonly publicKeyHash?: string
  readonly authority: string
  readonly profile?: string
}

/** What a run for a spec is after. */
export function intentOf({ identifiers, keyType, csr, authority, profile }: CertificateSpec): RunIntent {
  return {
    ...{ identifiers, keyType, authority: authority.id },
    ...(csr !== undefined && { publicKeyHash: csr.publicKeyHash }),
    ...(profile !== undefined && { profile }),
  }
}

/** Whether two runs are after the same certificate. */
export function sameIntent(a: RunIntent, b: RunIntent): boolean {
  return (
    sameIdentifiers(a.identifiers, b.identifiers) &&
    a.keyType === b.keyType &&
    a.publicKeyHash === b.publicKeyHash &&
    a.authority === b.authority &&
    a.profile === b.profile
  )
}
