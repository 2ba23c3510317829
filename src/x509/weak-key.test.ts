import assert from 'node:assert/strict'
import { checkPrimeSync, createPublicKey, generatePrimeSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { generateKey } from './key.ts'
import { rsaWeakness } from './weak-key.ts'

function rsaKey(modulus: bigint): KeyObject {
  const hex = modulus.toString(16)
  const n = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
}

function nextPrime(after: bigint): bigint {
  let candidate = after + 2n
  while (!checkPrimeSync(candidate)) candidate += 2n
  return candidate
}

const prime = () => generatePrimeSync(1024, { bigint: true })

const smallPrimes = Array.from({ length: 167 }, (_, index) => BigInt(index + 1)).filter(each =>
  checkPrimeSync(each),
)

/** What ROCA primes look like: a power of 65537 modulo the product of the small primes. */
function rocaPrime(above: bigint, exponent: bigint): bigint {
  const product = smallPrimes.reduce((all, each) => all * each)
  const power = 65_537n ** exponent % product
  let candidate = above - (above % product) + product + power
  while (!checkPrimeSync(candidate)) candidate += product
  return candidate
}

const close = prime()
for (const { name, modulus, says } of [
  { name: 'primes far apart', modulus: prime() * prime(), says: undefined },
  { name: 'primes side by side', modulus: close * nextPrime(close), says: /close together/ },
  { name: 'a square', modulus: close * close, says: /close together/ },
  { name: 'a small factor', modulus: prime() * 163n, says: /small factor/ },
  { name: 'an even modulus', modulus: prime() * 2n, says: /small factor/ },
  {
    name: 'primes of the faulty chip',
    modulus: rocaPrime(1n << 1023n, 123n) * rocaPrime(3n << 1021n, 45n),
    says: /ROCA/,
  },
]) {
  test(`${name}: ${says === undefined ? 'good' : 'weak'}`, () => {
    const weakness = rsaWeakness(rsaKey(modulus))
    if (says === undefined) assert.equal(weakness, undefined)
    else assert.match(weakness ?? '', says)
  })
}

test('keys that we make are good, and keys of other kinds are not looked at', async () => {
  for (const type of ['rsa-2048', 'rsa-4096', 'ecdsa-p256'] as const)
    assert.equal(rsaWeakness(await generateKey(type)), undefined)
})
