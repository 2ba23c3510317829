import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLinks } from './link.ts'

const cases: readonly { given: string; links: readonly (readonly [string, ...string[]])[] }[] = [
  { given: '', links: [] },
  { given: '<https://ca.example/2>;rel="alternate"', links: [['https://ca.example/2', 'alternate']] },
  {
    given: '<https://ca.example/dir>;rel="index", <https://ca.example/2> ; rel="alternate"',
    links: [
      ['https://ca.example/dir', 'index'],
      ['https://ca.example/2', 'alternate'],
    ],
  },
  { given: '<../up>; rel=up', links: [['../up', 'up']] },
  { given: '<>; REL="Next Up"', links: [['', 'next', 'up']] },
  { given: '<a,b;c>; rel="next"; title="x, <y>; rel=\\"z\\""', links: [['a,b;c', 'next']] },
  { given: '<a>; rel="next"; rel="up"', links: [['a', 'next']] },
  { given: '<a>; crossorigin; rel=next', links: [['a', 'next']] },
  { given: "<a>; title*=UTF-8'de'a%20b; rel=next", links: [['a', 'next']] },
  { given: '<a>; rel=next; anchor="/other"', links: [] },
  { given: '<a>', links: [['a']] },
  {
    given: '<a>; rel=x,, <b>; rel=y,',
    links: [
      ['a', 'x'],
      ['b', 'y'],
    ],
  },
  { given: 'a; rel=next', links: [] },
  { given: '<a; rel=next', links: [] },
  { given: '<a b>; rel=next', links: [] },
  { given: '<a>; rel="next', links: [] },
  { given: '<a>; rel=', links: [] },
  { given: '<a>; =next', links: [] },
  { given: '<a>; rel=next <b>; rel=up', links: [] },
  { given: '<a>; rel=next, junk', links: [] },
]
for (const { given, links } of cases) {
  test(`${given === '' ? 'an empty field' : given} has ${links.length} links`, () => {
    const found = parseLinks(given).map(({ target, relations }) => [target, ...relations])
    assert.deepEqual(found, links)
  })
}

test('long malformed fields are read in linear time', () => {
  const begin = performance.now()
  for (const piece of ['<', ';', ',', ' ', '"', '\\', '<a>; rel="', '<a>;rel=x,']) {
    parseLinks(piece.repeat(16_000))
    parseLinks(`<a>; rel="${piece.repeat(16_000)}`)
  }
  assert.ok(performance.now() - begin < 1_000)
})
