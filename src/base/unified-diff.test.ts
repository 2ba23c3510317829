import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unifiedDiff } from './unified-diff.ts'

const names = { from: 'a', to: 'b' }
const lines = (...list: readonly string[]) => list.map(line => `${line}\n`).join('')

const cases = [
  { name: 'equal texts have no difference', before: 'x\n', after: 'x\n', diff: '' },
  {
    name: 'a line that is added shows three lines on either side',
    before: lines('1', '2', '3', '4', '5', '6', '7', '8'),
    after: lines('1', '2', '3', '4', 'new', '5', '6', '7', '8'),
    diff: '--- a\n+++ b\n@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+new\n 5\n 6\n 7\n',
  },
  {
    name: 'a missing newline at the end is shown',
    before: 'x',
    after: 'x\n',
    diff: '--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n',
  },
  { name: 'a new file', before: '', after: 'x\n', diff: '--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n' },
  {
    name: 'changes that are far apart are shown apart',
    before: lines('a', '1', '2', '3', '4', '5', '6', '7', 'b'),
    after: lines('A', '1', '2', '3', '4', '5', '6', '7', 'B'),
    diff: '--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n',
  },
]
for (const { name, before, after, diff } of cases) {
  test(name, () => assert.equal(unifiedDiff(before, after, names), diff))
}

/** Applies a diff that shows everything, which one of small texts with few equal lines nearly does. */
function patched(before: string, diff: string): string {
  const source = before.match(/[^\n]*\n/g) ?? []
  const result: string[] = []
  let at = 0
  for (const line of diff.split('\n').slice(2, -1)) {
    const header = /^@@ -(\d+)(?:,(\d+))? /.exec(line)
    if (header !== null) {
      const first = Number(header[1]) - (header[2] === '0' ? 0 : 1)
      for (; at < first; at += 1) result.push(source[at] ?? '')
      continue
    }
    if (line.startsWith('-')) assert.equal(`${line.slice(1)}\n`, source[at++])
    else if (line.startsWith('+')) result.push(`${line.slice(1)}\n`)
    else result.push(source[at++] ?? '')
  }
  return [...result, ...source.slice(at)].join('')
}

test('a diff applied to the earlier text gives the later one', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 }).map(list => lines(...list))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff(before, after, names)
      assert.equal(diff === '' ? before : patched(before, diff), after)
    }),
  )
})
