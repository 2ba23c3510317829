import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'node:test'

// More than a pipe holds.
const length = 1_000_000
const script = `
import { printResult } from ${JSON.stringify(join(import.meta.dirname, 'standard-output.ts'))}
printResult('x'.repeat(${length}))
printResult('end')
`

function start() {
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('a long text arrives whole and in order', async () => {
  const child = start()
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.equal(complaints, '')
  assert.equal(output.length, length + 'end'.length)
  assert.match(output.slice(-10), /^x{7}end$/)
})

test('a reader that goes away ends nothing with an error', async () => {
  const child = start()
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [[exitCode], complaints] = await Promise.all([once(child, 'exit'), text(child.stderr)])
  assert.equal(complaints, '')
  assert.equal(exitCode, 0)
})
