/** Many certificates for one server: it is told once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/base/instant.ts'
import type { Served } from '../../src/runtime/network.ts'
import { createSite } from '../support/memory-site.ts'

const certificates = Array.from({ length: 40 }, (_, index) => [`site-${index}.example`])

test('forty certificates are obtained, renewed and delivered with one reload each time', async () => {
  const site = await createSite({ certificates })
  const first = await site.look()
  assert.deepEqual(new Set(first.results.map(({ outcome }) => outcome)), new Set(['issued']))
  assert.equal(first.results.length, 40)
  assert.equal(site.reloads(), 1)
  await site.clock.advance(62 * dayMs)
  const second = await site.look()
  assert.deepEqual(new Set(second.results.map(({ outcome }) => outcome)), new Set(['issued']))
  assert.equal(site.reloads(), 2)
})

test('one that is not served goes back, and the others are delivered without it', async () => {
  const site = await createSite({ certificates: certificates.slice(0, 5) })
  await site.look()
  await site.clock.advance(62 * dayMs)
  const stuck = site.served('site-3.example')
  let old: Served | undefined
  site.become({ probe: (good, name) => (name === 'site-3.example' ? (old ??= good()) : good()) })
  const { results } = await site.look()
  assert.deepEqual(
    results.map(({ outcome, error }) => error?.code ?? outcome),
    ['issued', 'issued', 'issued', 'ERR_NOT_SERVED', 'issued'],
  )
  assert.equal(site.served('site-3.example'), stuck)
})
