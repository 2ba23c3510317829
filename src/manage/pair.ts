/** Two certificates for the same names, one with each kind of key: servers give every client the one that it can use. Pure. */
import type { KeyKind } from '../runtime/network.ts'
import type { KeyType } from '../x509/key-types.ts'
import { type CertificateSpec, parseSpecName } from './spec.ts'

/** What the name of the RSA certificate ends with. */
export const rsaSuffix = '-rsa'

/** The kind of a key. */
export function keyKindOf(keyType: KeyType): KeyKind {
  return keyType.startsWith('rsa-') ? 'rsa' : 'ecdsa'
}

/** One type of each kind, in any order. */
export function pairedKeyTypes(
  keyTypes: readonly KeyType[],
): { readonly ecdsa: KeyType; readonly rsa: KeyType } | undefined {
  const ecdsa = keyTypes.find(type => keyKindOf(type) === 'ecdsa')
  const rsa = keyTypes.find(type => keyKindOf(type) === 'rsa')
  return keyTypes.length === 2 && ecdsa !== undefined && rsa !== undefined ? { ecdsa, rsa } : undefined
}

/**
 * The two specs of a pair: the ECDSA one keeps the name, the RSA one has {@link rsaSuffix} after it. They are renewed and
 * delivered together, and otherwise certificates like any other.
 * @returns `undefined` where the longer name is too long
 */
export function makePair(
  spec: CertificateSpec,
  { ecdsa, rsa }: { readonly ecdsa: KeyType; readonly rsa: KeyType },
): readonly [CertificateSpec, CertificateSpec] | undefined {
  const rsaName = parseSpecName(`${spec.name}${rsaSuffix}`)
  if (rsaName === undefined) return undefined
  return [
    { ...spec, keyType: ecdsa, pair: rsaName },
    { ...spec, keyType: rsa, name: rsaName, pair: spec.name },
  ]
}

/** Specs one by one, and those of a pair together, the ECDSA one first. In the order in which they are given. */
export function inPairs<T extends { readonly spec: CertificateSpec }>(
  all: readonly T[],
): readonly (readonly T[])[] {
  const byName = new Map(all.map(one => [one.spec.name, one]))
  return all.flatMap(one => {
    const other = one.spec.pair === undefined ? undefined : byName.get(one.spec.pair)
    if (other === undefined) return [[one]]
    return keyKindOf(one.spec.keyType) === 'ecdsa' ? [[one, other]] : []
  })
}
