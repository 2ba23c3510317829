/** RSA keys that are known to be broken, as CAs refuse them (CA/Browser Forum BR §6.1.1.3). */
import type { KeyObject } from 'node:crypto'

/** Primes up to 167, by which the ROCA test tells its keys (CVE-2017-15361); a modulus that one divides is broken anyway. */
const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
] as const
/** Primes that ROCA keys are made of are powers of this one modulo each small prime. */
const rocaGenerator = 65_537
/** BR: at least this many rounds of Fermat's method must not factor a modulus. */
const fermatRounds = 100

/** What is wrong with an RSA key of any size, in a few words; `undefined` for one that is good, and for other keys. */
export function rsaWeakness(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const { n = '' } = key.export({ format: 'jwk' })
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`)
  if (modulus % 2n === 0n || smallPrimes.some(prime => modulus % BigInt(prime) === 0n))
    return 'its modulus has a small factor'
  if (smallPrimes.every(prime => isPower(Number(modulus % BigInt(prime)), prime)))
    return 'it was made by a faulty chip (ROCA, CVE-2017-15361)'
  if (hasCloseFactors(modulus)) return 'its two primes lie close together (CVE-2022-26320)'
  return undefined
}

/** Whether a residue is a power of the generator. */
function isPower(residue: number, prime: number): boolean {
  let power = 1
  do {
    if (power === residue) return true
    power = (power * rocaGenerator) % prime
  } while (power !== 1)
  return false
}

/** Fermat's method: a product of close primes is a square less a small square. */
function hasCloseFactors(modulus: bigint): boolean {
  let root = squareRoot(modulus)
  if (root * root < modulus) root += 1n
  for (let round = 0; round < fermatRounds; round++, root += 1n) {
    const rest = root * root - modulus
    const half = squareRoot(rest)
    if (half * half === rest) return true
  }
  return false
}

/** The largest integer whose square is not greater; Newton's method from above. */
function squareRoot(square: bigint): bigint {
  if (square < 2n) return square
  let root = 1n << BigInt(Math.ceil(square.toString(16).length / 2) * 4)
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) return root
    root = next
  }
}
