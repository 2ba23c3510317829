import assert from 'node:assert/strict'
import test from 'node:test'
import { isGlob, matchesGlob } from './glob.ts'

const cases: readonly {
  readonly pattern: string
  readonly yes: readonly string[]
  readonly no: readonly string[]
}[] = [
  {
    pattern: '/a/*.conf',
    yes: ['/a/x.conf', '/a/a.b.conf'],
    no: ['/a/.x.conf', '/a/b/x.conf', '/a/x.con', '/b/x.conf'],
  },
  { pattern: '/a/.*', yes: ['/a/.x'], no: ['/a/x'] },
  { pattern: '/a/*', yes: ['/a/x', '/a/é'], no: ['/a/.x', '/a/'.concat('b/c')] },
  { pattern: '/*/x?.conf', yes: ['/a/x1.conf'], no: ['/a/x.conf', '/a/x12.conf', '/.a/x1.conf'] },
  { pattern: '/a/[0-9]*[!a].conf', yes: ['/a/10-b.conf', '/a/1b.conf'], no: ['/a/x1b.conf', '/a/10-a.conf'] },
  { pattern: '/a/[]x]', yes: ['/a/]', '/a/x'], no: ['/a/y'] },
  { pattern: '/a/[x', yes: ['/a/[x'], no: ['/a/x'] },
  { pattern: '/a/x\\*y?', yes: ['/a/x*yz'], no: ['/a/xxyz'] },
  { pattern: '/a/*a*b*c', yes: ['/a/xaybzc', '/a/abc'], no: ['/a/acb'] },
]

for (const { pattern, yes, no } of cases) {
  test(`${pattern} matches ${yes.join(' ')} and not ${no.join(' ')}`, () => {
    for (const path of yes) assert.equal(matchesGlob(pattern, path), true, path)
    for (const path of no) assert.equal(matchesGlob(pattern, path), false, path)
  })
}

test('many stars take no time', () => {
  assert.equal(matchesGlob(`${'*a'.repeat(500)}b`, 'a'.repeat(4_000)), false)
})

test('only wildcard characters make a pattern', () => {
  assert.deepEqual(['/a/*.conf', '/a/?', '/a/[x]', '/a/{x,y}'].map(isGlob), [true, true, true, false])
})
