import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveAuthority } from '../authorities.ts'
import type { Authority } from '../spec.ts'
import { stagingFor } from './staging.ts'

const authority = (name: string): Authority => {
  const found = resolveAuthority(name)
  assert.ok('id' in found)
  return found
}
const own = { ...authority('https://ca.internal/dir'), id: 'internal' }
const test2: Authority = { ...authority('https://test.internal/dir'), id: 'test', trustFile: '/test.pem' }
const google: Authority = {
  ...authority('google-staging'),
  account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
}
const known = { authorities: [own, test2, google] }

const cases: readonly {
  readonly name: string
  readonly real: Authority
  readonly fallbacks?: readonly Authority[]
  readonly asked?: { readonly name: string; readonly trustFile?: string }
  readonly expected: Partial<Authority> | RegExp
}[] = [
  {
    name: 'Let’s Encrypt has one',
    real: authority('letsencrypt'),
    expected: authority('letsencrypt-staging'),
  },
  {
    name: 'a staging is its own',
    real: authority('letsencrypt-staging'),
    expected: authority('letsencrypt-staging'),
  },
  { name: 'the embedded CA is its own', real: authority('embedded'), expected: authority('embedded') },
  { name: 'the configured account of one is used', real: authority('google'), expected: google },
  { name: 'another CA has none', real: authority('zerossl'), expected: /no staging of zerossl is known/ },
  { name: 'a private CA has none', real: own, expected: /no staging of internal is known/ },
  {
    name: 'the embedded CA can be asked for',
    real: own,
    asked: { name: 'embedded' },
    expected: { id: 'embedded' },
  },
  { name: 'one with a name of ours can be asked for', real: own, asked: { name: 'test' }, expected: test2 },
  {
    name: 'one by its URL can be asked for, with its roots',
    real: own,
    asked: { name: 'https://other.internal/dir', trustFile: '/other.pem' },
    expected: { directory: 'https://other.internal/dir', trustFile: '/other.pem' },
  },
  {
    name: 'a public CA is none',
    real: own,
    asked: { name: 'letsencrypt' },
    expected: /letsencrypt is not for rehearsals/,
  },
  {
    name: 'the real CA is none',
    real: own,
    asked: { name: 'internal' },
    expected: /internal is not for rehearsals/,
  },
  {
    name: 'a CA that takes over from the real one is none',
    real: own,
    fallbacks: [test2],
    asked: { name: 'test' },
    expected: /test is not for rehearsals/,
  },
  { name: 'a mistyped name is none', real: own, asked: { name: 'embeded' }, expected: /neither a known CA/ },
]
for (const { name, real, fallbacks = [], asked, expected } of cases) {
  test(name, () => {
    const choose = () => stagingFor({ authority: real, fallbacks }, asked, known)
    if (expected instanceof RegExp) assert.throws(choose, { code: 'ERR_USAGE', message: expected })
    else assert.partialDeepStrictEqual(choose(), expected)
  })
}
