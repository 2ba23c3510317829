import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUp, summarizeLoad } from './load-curve.ts'

const cases: readonly (readonly [counts: readonly number[], expected: readonly number[]])[] = [
  [[], [0, 0, 0, 0]],
  [[7], [7, 7, 7, 7]],
  [
    [3, 1, 2],
    [1, 2, 3, 3],
  ],
  [
    [4, 1, 2, 3],
    [1, 2, 4, 4],
  ],
  [Array.from({ length: 200 }, (_, index) => index + 1), [1, 100, 198, 200]],
]
for (const [counts, expected] of cases) {
  test(`${counts.length} spans: min, median, p99 and max are ${expected.join(', ')}`, () => {
    const { min, median, p99, max } = summarizeLoad(Uint32Array.from(counts))
    assert.deepEqual([min, median, p99, max], expected)
  })
}

test('the last sum may be of fewer spans', () => {
  assert.deepEqual([...addUp(Uint32Array.of(1, 2, 3, 4, 5), 2)], [3, 7, 5])
  assert.deepEqual([...addUp(new Uint32Array(), 2)], [])
})
