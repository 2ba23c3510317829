/** Groups for key exchange (the TLS Supported Groups registry). Pure. */
import { createHash } from 'node:crypto'

/** A named group. */
export type Group = {
  readonly id: number
  readonly name: string
  readonly kind: 'curve' | 'ffdhe' | 'hybrid' | 'post-quantum'
  /** The size of an RSA key that is about as hard to break (NIST SP 800-57 part 1, table 2). */
  readonly rsaBits: number
}

type Row = readonly [id: number, name: string, bits: number]

const curves: readonly Row[] = [
  [1, 'sect163k1', 163],
  [2, 'sect163r1', 163],
  [3, 'sect163r2', 163],
  [4, 'sect193r1', 193],
  [5, 'sect193r2', 193],
  [6, 'sect233k1', 233],
  [7, 'sect233r1', 233],
  [8, 'sect239k1', 239],
  [9, 'sect283k1', 283],
  [10, 'sect283r1', 283],
  [11, 'sect409k1', 409],
  [12, 'sect409r1', 409],
  [13, 'sect571k1', 571],
  [14, 'sect571r1', 571],
  [15, 'secp160k1', 160],
  [16, 'secp160r1', 160],
  [17, 'secp160r2', 160],
  [18, 'secp192k1', 192],
  [19, 'secp192r1', 192],
  [20, 'secp224k1', 224],
  [21, 'secp224r1', 224],
  [22, 'secp256k1', 256],
  [23, 'secp256r1', 256],
  [24, 'secp384r1', 384],
  [25, 'secp521r1', 521],
  [26, 'brainpoolP256r1', 256],
  [27, 'brainpoolP384r1', 384],
  [28, 'brainpoolP512r1', 512],
  [29, 'X25519', 256],
  [30, 'X448', 448],
  [31, 'brainpoolP256r1tls13', 256],
  [32, 'brainpoolP384r1tls13', 384],
  [33, 'brainpoolP512r1tls13', 512],
  [41, 'curveSM2', 256],
]
const finiteFields: readonly Row[] = [
  [256, 'ffdhe2048', 2_048],
  [257, 'ffdhe3072', 3_072],
  [258, 'ffdhe4096', 4_096],
  [259, 'ffdhe6144', 6_144],
  [260, 'ffdhe8192', 8_192],
]
const hybrids: readonly Row[] = [
  [4_587, 'SecP256r1MLKEM768', 256],
  [4_588, 'X25519MLKEM768', 256],
  [4_589, 'SecP384r1MLKEM1024', 384],
  [25_497, 'X25519Kyber768Draft00', 256],
]
const lattices: readonly Row[] = [
  [512, 'MLKEM512', 256],
  [513, 'MLKEM768', 384],
  [514, 'MLKEM1024', 512],
]

/** All groups there are, the strongest reasons to like one first. */
export const groups: readonly Group[] = [
  ...named(hybrids, 'hybrid', curveRsaBits),
  ...named(
    curves.toSorted(([a], [b]) => favour(b) - favour(a)),
    'curve',
    curveRsaBits,
  ),
  ...named(finiteFields, 'ffdhe', bits => bits),
  ...named(lattices, 'post-quantum', curveRsaBits),
]

function favour(id: number): number {
  return [24, 23, 29].indexOf(id)
}

function named(rows: readonly Row[], kind: Group['kind'], strength: (bits: number) => number): Group[] {
  return rows.map(([id, name, bits]) => ({ id, name, kind, rsaBits: strength(bits) }))
}

const byId: ReadonlyMap<number, Group> = new Map(groups.map(group => [group.id, group]))

/** A group by its number. */
export function groupOf(id: number): Group | undefined {
  return byId.get(id)
}

/** Of an elliptic curve: NIST SP 800-57 part 1, table 2; 512 bits where it names none. */
export function curveRsaBits(bits: number): number {
  const steps = [
    [512, 15_360],
    [384, 7_680],
    [250, 3_072],
    [224, 2_048],
    [160, 1_024],
  ] as const
  return steps.find(([least]) => bits >= least)?.[1] ?? 512
}

/** SHA-256 of the primes of RFC 7919, to know them again in TLS 1.2. */
const knownPrimes: Readonly<Record<string, string>> = {
  '9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966': 'ffdhe2048',
  '0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17': 'ffdhe3072',
  '4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e': 'ffdhe4096',
  '227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7': 'ffdhe6144',
  '770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833': 'ffdhe8192',
}

/** A prime for Diffie-Hellman over a finite field. */
export type DhPrime = { readonly bits: number; readonly name?: string }

/** The size of a prime, and its name where it is one of RFC 7919. */
export function describePrime(prime: Uint8Array): DhPrime {
  const first = prime.findIndex(byte => byte !== 0)
  if (first === -1) return { bits: 0 }
  const significant = prime.subarray(first)
  const bits = 8 * significant.length - Math.clz32(significant[0] ?? 0) + 24
  const name = knownPrimes[createHash('sha256').update(significant).digest('hex')]
  return { bits, ...(name !== undefined && { name }) }
}
