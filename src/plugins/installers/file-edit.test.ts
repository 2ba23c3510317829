import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAppError } from '../../base/errors.ts'
import { editsByFile, ownerOfFile, type Source } from './file-edit.ts'

const owned = [
  '# Managed by Puppet; local changes are lost\n',
  '#ATTENTION!\n#\n#DO NOT MODIFY THIS FILE BECAUSE IT WAS GENERATED AUTOMATICALLY\n',
  '# ------------------------------------\n# example.com, Nginx Proxy Manager\n',
  "  # This file was written by terraform. Don't edit it.\n",
]
for (const text of owned) {
  test(`${JSON.stringify(text.slice(0, 30))} is somebody else's`, () => {
    assert.match(ownerOfFile(`${text}server {}\n`) ?? '', /^it says ".*, and belongs to /)
  })
}

const free = [
  '# You should look at the following URLs to grasp a solid understanding\nserver {}\n',
  'server { listen 443 ssl; # managed by Certbot\n}\n',
  'server { root /srv/gitlab; }\n',
  `${'#\n'.repeat(20)}# do not edit what is below\n`,
]
for (const text of free) {
  test(`${JSON.stringify(text.slice(0, 30))} may be edited`, () => assert.equal(ownerOfFile(text), undefined))
}

const source = (more: Partial<Source> = {}): Source => ({
  name: 'a',
  path: '/a',
  current: '',
  text: '',
  ...more,
})
const edit = { file: 'a', line: 3, start: 1, end: 1, text: 'x' }

test('a file that must not be edited is named with line and reason, each once', () => {
  const sources = new Map([['a', source({ refusal: 'it is not ours' })]])
  assert.throws(
    () => editsByFile([edit, edit], sources),
    error => isAppError(error, 'ERR_DEPLOY') && error.message === 'a:3: it is not ours',
  )
})

test('a file that two names lead to is edited once', () => {
  const sources = new Map([
    ['a', source()],
    ['b', source({ name: 'b' })],
  ])
  const edits = editsByFile([edit, { ...edit, file: 'b' }], sources)
  assert.deepEqual([...edits.values()], [[{ start: 1, end: 1, text: 'x' }]])
})
