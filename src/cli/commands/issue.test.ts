import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext, paths } from '../../../test/support/fake-context.ts'
import { issue } from './issue.ts'

const dropIn = `${paths.dropIns}/a.example.yaml`

for (const { entry, before, fault } of [
  { entry: 'a new entry', before: undefined, fault: 'remove' },
  { entry: 'a changed entry', before: 'certificates: { a.example: }\n', fault: 'replace' },
] as const) {
  test(`${entry} that cannot be taken back does not hide why it was to be`, async () => {
    const { context, runtime, events } = await fakeContext('')
    if (before !== undefined) await runtime.files.put(dropIn, before)
    let written = 0
    runtime.files.setFaults(({ operation, path }) => {
      if (path !== dropIn) return undefined
      if (operation === 'replace') written += 1
      return operation === fault && written > (fault === 'replace' ? 1 : 0) ? { code: 'EROFS' } : undefined
    })
    // Nothing says how to prove control.
    await assert.rejects(issue(context, { args: ['a.example', 'b.example'], selfCheck: true }), {
      code: 'ERR_USAGE',
      message: /how to prove control/,
    })
    const [warning, ...more] = events
    assert.deepEqual([warning?.certificate, warning?.level, more], ['a.example', 'warning', []])
    assert.match(warning?.text ?? '', /could not be taken back \(.*EROFS.*: put .*a\.example\.yaml in order/)
  })
}

test('an entry that leads to no certificate is taken back', async () => {
  const { context, runtime, events } = await fakeContext('')
  await assert.rejects(issue(context, { args: ['a.example'], selfCheck: true }), { code: 'ERR_USAGE' })
  assert.deepEqual([events, await runtime.files.facts(dropIn)], [[], undefined])
})

test('copies into a directory are a target of their own, and an unknown target is refused', async () => {
  const { context, runtime } = await fakeContext('')
  runtime.files.setFaults(({ operation, path }) =>
    operation === 'replace' && path === dropIn ? { code: 'EROFS', when: 'after' } : undefined,
  )
  const flags = { args: ['a.example'], standalone: true, selfCheck: true }
  await assert.rejects(issue(context, { ...flags, deploy: ['nginx', 'files:/etc/ssl/../tls/'] }), {
    message: /EROFS/,
  })
  const written = await runtime.files.text(dropIn)
  assert.match(written, /deploy:\n\s+- nginx\n\s+- files:\n\s+directory: \/etc\/tls\n/)
  for (const [target, hint] of [
    ['ngnix', /^did you mean nginx\?/],
    ['files', /^known targets: .*nginx.*, and files:DIR for copies in a directory/],
    ['files:', /^known targets: /],
  ] as const) {
    const refusal = { code: 'ERR_USAGE', hint }
    await assert.rejects(issue(context, { ...flags, deploy: [target] }), refusal)
  }
})
