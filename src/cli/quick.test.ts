import assert from 'node:assert/strict'
import test from 'node:test'
import { quickStatus } from './quick.ts'

const cases: readonly { readonly line: string; readonly expected: ReturnType<typeof quickStatus> }[] = [
  { line: 'status', expected: { color: true } },
  { line: 'status --json', expected: { color: true, json: true } },
  { line: '--no-color status --quiet --verbose', expected: { color: false, quiet: true, verbose: true } },
  { line: '--config a.yaml status --state /s', expected: { color: true, config: 'a.yaml', state: '/s' } },
  { line: 'status --state /a --state /b', expected: { color: true, state: '/b' } },
  { line: '--state status status', expected: { color: true, state: 'status' } },
  ...[
    ...['', 'apply', 'status status', 'status www.example.com', '--state status'],
    ...['status --help', 'status --jso', 'status --state', 'status --state --json', 'status --state=/s'],
    ...['status --authority letsencrypt', 'status --no-json', 'status -- --json'],
  ].map(line => ({ line, expected: undefined })),
]

for (const { line, expected } of cases) {
  test(`"${line}" is ${expected === undefined ? 'for the table of commands' : 'a plain status'}`, () => {
    assert.deepEqual(quickStatus(line === '' ? [] : line.split(' ')), expected)
  })
}
