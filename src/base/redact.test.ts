import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretsOfUrl, withoutSecrets } from './redact.ts'

const cases = [
  { text: 'token abcd1234 refused', secrets: ['abcd1234'], expected: 'token [secret] refused' },
  { text: 'GET /x?key=a%2Fb%3Dc', secrets: ['a/b=c'], expected: 'GET /x?key=[secret]' },
  { text: '{"token":"a\\"b\\\\c"}', secrets: ['a"b\\c'], expected: '{"token":"[secret]"}' },
  {
    text: 'longer-secret and secret',
    secrets: ['secret', 'longer-secret'],
    expected: '[secret] and [secret]',
  },
  { text: 'a short one hides nothing', secrets: ['a', ''], expected: 'a short one hides nothing' },
]
for (const { text, secrets, expected } of cases) {
  test(`"${text}" is shown as "${expected}"`, () => assert.equal(withoutSecrets(text, secrets), expected))
}

test('what a URL opens is secret, where it leads is not', () => {
  const url = 'https://hooks.example/services/T0AAAAAAA/B0BBBBBBB/ccccccccdddd?key=eeeeffff'
  const shown = withoutSecrets(
    `POST ${url}: 404; T0AAAAAAA is gone, ccccccccdddd too, and eeeeffff; see hooks.example/services`,
    secretsOfUrl(url),
  )
  assert.equal(
    shown,
    'POST [secret]: 404; [secret] is gone, [secret] too, and [secret]; see hooks.example/[secret]',
  )
  assert.deepEqual(secretsOfUrl('no URL'), ['no URL'])
})
