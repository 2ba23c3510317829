/** What an issuance is after. Pure. */
import { type Identifier, sameIdentifiers } from '../acme/identifier.ts'
import type { KeyType } from '../x509/key-types.ts'
import type { CertificateSpec } from './spec.ts'

/** What a run is after. It is continued only while the configuration still asks for exactly this. */
export type RunIntent = {
  readonly identifiers: readonly Identifier[]
  readonly keyType: KeyType
  readonly authority: string
  readonly profile?: string
}

/** What a run for a spec is after. */
export function intentOf({ identifiers, keyType, authority, profile }: CertificateSpec): RunIntent {
  return { identifiers, keyType, authority: authority.id, ...(profile !== undefined && { profile }) }
}

/** Whether two runs are after the same certificate. */
export function sameIntent(a: RunIntent, b: RunIntent): boolean {
  return (
    sameIdentifiers(a.identifiers, b.identifiers) &&
    a.keyType === b.keyType &&
    a.authority === b.authority &&
    a.profile === b.profile
  )
}
