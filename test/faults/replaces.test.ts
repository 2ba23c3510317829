/** Naming the certificate that an order renews is a favour, and a CA that stumbles over it is asked without it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/base/instant.ts'
import { createSite } from '../support/memory-site.ts'
import { problem } from './ca-faults.ts'

for (const code of ['serverInternal', 'malformed', 'alreadyReplaced'] as const) {
  test(`${code}, because of the predecessor that is named`, async () => {
    const site = await createSite()
    await site.look()
    await site.clock.advance(62 * dayMs)
    const refuse = problem(code, { status: code === 'serverInternal' ? 500 : 400, detail: 'no such order' })
    let named = 0
    site.cas[0]?.become({
      'new-order': call => {
        if (!Object.hasOwn(Object(call.payload), 'replaces')) return call.good()
        named += 1
        return refuse(call)
      },
    })
    const { results } = await site.look()
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['issued'],
    )
    assert.ok(named > 0)
  })
}
