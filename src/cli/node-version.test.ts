import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { refuseNode } from './node-version.ts'

test('an old Node is refused with the version that is needed', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly engines: { readonly node: string }
  }
  assert.equal(engines.node, '>=22.18')
  for (const version of ['18.20.4', '20.20.2', '22.9.0', '22.17.9'])
    assert.match(
      refuseNode(version) ?? '',
      new RegExp(`^error: .* 22\\.18 or later, and this is ${version}\nhint: `),
    )
  for (const version of ['22.18.0', '22.23.3', '24.0.0', '30.1.2'])
    assert.equal(refuseNode(version), undefined)
})
