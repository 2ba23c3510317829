import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedFleet, uniformFleet } from './fleet.ts'

test('a uniform fleet has so many certificates under every domain', () => {
  const { size, domainCount, domainsOf } = uniformFleet(7, 3)
  const domains = Array.from({ length: size }, (_, index) => domainsOf(index))
  assert.deepEqual(domains, [[0], [0], [0], [1], [1], [1], [2]])
  assert.equal(domainCount, 3)
})

test('a named fleet numbers the domains that there are', () => {
  const { size, domainCount, domainsOf } = namedFleet([
    { domains: ['a'] },
    { domains: ['b', 'a'] },
    { domains: [] },
  ])
  assert.deepEqual([size, domainCount], [3, 2])
  assert.deepEqual([0, 1, 2].map(domainsOf), [[0], [1, 0], []])
})
