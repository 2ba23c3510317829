import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyEdits } from '../../base/text-edit.ts'
import type { InstallRecord } from '../store/installs.ts'
import { changesOf, editedFiles, withoutRecordedEdits } from './changes.ts'

const base = 'server {\n  listen 80;\n}\n'
const edits = [{ start: 22, end: 22, text: '  listen 443 ssl; # certwright: shop\n' }]
const file = { path: '/a', current: base, base, edits }
const after = applyEdits(base, edits)
const record: InstallRecord = {
  ...{ phase: 'done', files: editedFiles({ files: [file] }), ownFiles: ['/own'], ownDirectory: '/' },
  ...{ redirect: false, profile: 'intermediate', serverNames: [], httpsPort: 443, addedTarget: false },
}
const plan = { files: [file], ownFiles: [{ path: '/own', text: 'new' }] }

const states = [
  { name: 'as before', text: base, lost: 0, expected: base },
  { name: 'as after', text: after, lost: 0, expected: base },
  { name: 'edited since', text: `# mine\n${after}`, lost: 0, expected: `# mine\n${base}` },
  {
    name: 'edited in our line',
    text: after.replace('443', '8443'),
    lost: 1,
    expected: after.replace('443', '8443'),
  },
]
for (const { name, text, lost, expected } of states) {
  test(`a file that is ${name}, without our edits`, () => {
    const restored = withoutRecordedEdits('/a', text, record)
    assert.deepEqual([restored.text, restored.lost.length], [expected, lost])
  })
}

test('an interrupted second run knows the state after the first one, too', () => {
  const more = [{ start: 22, end: 22, text: '  listen 8443 ssl; # certwright: shop\n' }]
  const newer = editedFiles({ files: [{ ...file, edits: more }] })
  const applying = { ...record, files: [...newer, ...record.files] }
  for (const text of [base, after, applyEdits(base, more)])
    assert.equal(withoutRecordedEdits('/a', text, applying).text, base)
})

test('the first installation edits and adds', () => {
  assert.deepEqual(changesOf(plan, undefined, new Map()), [
    { path: '/own', before: undefined, after: 'new' },
    { path: '/a', before: base, after },
  ])
})

test('a second one changes nothing', () => {
  const files = [{ ...file, current: after }]
  assert.deepEqual(changesOf({ ...plan, files }, record, new Map([['/own', 'new']])), [])
})

test('what is no longer planned goes back, and own files go; deleted ones stay deleted', () => {
  const none = { files: [], ownFiles: [] }
  const present = new Map([
    ['/a', after],
    ['/own', 'new'],
  ])
  assert.deepEqual(changesOf(none, record, present), [
    { path: '/a', before: after, after: base },
    { path: '/own', before: 'new', after: undefined },
  ])
  assert.deepEqual(changesOf(none, record, new Map()), [])
})
