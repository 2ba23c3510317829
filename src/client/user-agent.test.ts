import assert from 'node:assert/strict'
import { test } from 'node:test'
import manifest from '../../package.json' with { type: 'json' }
import { clientProduct, userAgentField } from './user-agent.ts'

test('the product is the one in package.json', () => {
  assert.equal(clientProduct, `${manifest.name}/${manifest.version}`)
})

test('program first, platform second', () => {
  assert.equal(userAgentField('shop/2.1 (batch)'), `shop/2.1 (batch) node/${process.versions.node}`)
  assert.match(userAgentField(), /^certwright\/\d+\.\d+\.\d+ node\/\d+\./)
})

for (const product of ['', ' x', 'x ', 'a\r\nb: c', 'höflich/1', 'x'.repeat(201)]) {
  test(`${JSON.stringify(product).slice(0, 30)} is refused`, () => {
    assert.throws(() => userAgentField(product), { code: 'ERR_FORMAT' })
  })
}
