import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { dropInWithout, formatDropIn, writeDropIn } from './drop-in.ts'

const entry = { identifiers: ['a.example'], profile: 'short' }
const block = 'certificates:\n  a.example:\n    identifiers:\n      - a.example\n    profile: short\n'

for (const [what, earlier, text] of [
  ['no drop-in yet', undefined, `# Written by "certwright issue"; yours to edit.\n\n${block}`],
  ['an empty file', '', block],
  ['a map without entries', 'certificates:\n', block],
  ['an entry without members', 'certificates:\n  a.example:\n', block],
  [
    'an entry with comments',
    'certificates:\n  a.example:\n    # shop\n    key: rsa-2048 # old clients\n    profile: short # as agreed\n',
    'certificates:\n  a.example:\n    # shop\n    key: rsa-2048 # old clients\n    profile: short # as agreed\n    identifiers:\n      - a.example\n',
  ],
  [
    'an entry that is an alias',
    'certificates:\n  b.example: &b\n    key: rsa-2048\n  a.example: *b\n',
    'certificates:\n  b.example: &b\n    key: rsa-2048\n  a.example:\n    key: rsa-2048\n    identifiers:\n      - a.example\n    profile: short\n',
  ],
] as const) {
  test(`an entry is put into ${what}`, () => {
    assert.equal(formatDropIn('a.example', entry, earlier), text)
  })
}

test('what has no meaning any more is taken out of an entry', () => {
  const earlier =
    'certificates:\n  a.example:\n    key: rsa-2048 # old clients\n    profile: short # as agreed\n'
  const change = { csr: '/a.csr', key: undefined, identifiers: undefined }
  assert.equal(
    formatDropIn('a.example', change, earlier),
    'certificates:\n  a.example:\n    profile: short # as agreed\n    csr: /a.csr\n',
  )
})

test('a drop-in without its only entry is none; another entry stays as it is written', () => {
  assert.equal(dropInWithout('/d.yaml', 'a.example', block), undefined)
  const other = '  b.example:\n    key: rsa-2048 # mine\n'
  assert.equal(dropInWithout('/d.yaml', 'a.example', block + other), `certificates:\n${other}`)
})

test('a drop-in keeps its mode; a new one may be read by everybody', async () => {
  const runtime = fakeRuntime()
  const modeOf = async (path: string) => ((await runtime.files.facts(path))?.mode ?? 0) & 0o777
  await runtime.files.put('/d/private.yaml', '', 0o600)
  await writeDropIn('/d/private.yaml', block, runtime)
  await writeDropIn('/d/new.yaml', block, runtime)
  assert.deepEqual([await modeOf('/d/private.yaml'), await modeOf('/d/new.yaml')], [0o600, 0o644])
  assert.equal(await runtime.files.text('/d/private.yaml'), block)
})

for (const { what, target } of [
  { what: 'a link', target: '/elsewhere.yaml' },
  { what: 'a link that leads nowhere', target: '/gone.yaml' },
]) {
  test(`${what} in place of a drop-in is neither followed nor replaced`, async () => {
    const { files } = fakeRuntime()
    await files.put('/elsewhere.yaml', 'mine\n')
    await files.makeDirectory('/d', 0o755)
    await files.replaceLink('/d/a.yaml', target)
    await assert.rejects(writeDropIn('/d/a.yaml', block, { files }), {
      code: 'ERR_CONFIG_READ',
      message: `/d/a.yaml is a symbolic link to ${target}, and stays one`,
    })
    assert.deepEqual(
      [...files.snapshot()],
      [
        ['/d/a.yaml', `-> ${target}`],
        ['/elsewhere.yaml', 'mine\n'],
      ],
    )
  })
}
