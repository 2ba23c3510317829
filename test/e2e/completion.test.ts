/** Shell completion: the scripts are ones that the shells accept, and the suggestions are those of the real program. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { findProgram, runProgram } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`the script for ${shell} is printed, and ${shell} can read it`, async () => {
    const { exitCode, stdout, stderr } = await runCli(['completion', shell])
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /certwright complete --/)
    const program = findProgram(shell)
    if (program === undefined) return // the script is the library's; reading it is a bonus where the shell is there
    await using directory = await tempDirectory()
    const file = join(directory.path, 'completion')
    await writeFile(file, stdout)
    const checked = await runProgram(program, ['-n', file])
    assert.equal(checked.exitCode, 0, checked.stderr)
  })
}

test('a shell that is not known is refused with the ones that are', async () => {
  const { exitCode, stderr } = await runCli(['completion', 'tcsh'])
  assert.equal(exitCode, 2)
  assert.match(stderr, /zsh, bash, fish/)
})

const suggestions: readonly { readonly words: readonly string[]; readonly expected: readonly string[] }[] = [
  { words: ['ren'], expected: ['renew'] },
  { words: ['config', ''], expected: ['check', 'show', 'schema'] },
  { words: ['issue', '--web'], expected: ['--webroot'] },
  {
    words: ['issue', '--key', ''],
    expected: ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'],
  },
  { words: ['show', ''], expected: ['mail.example', 'shop.example'] },
  { words: ['renew', '--force', 'sh'], expected: ['shop.example'] },
]

test('commands, options, their values and the names of certificates are suggested', async () => {
  await using directory = await tempDirectory()
  const config = join(directory.path, 'certwright.yaml')
  await writeFile(config, 'certificates: { shop.example: , mail.example: }\n')
  const env = { CERTWRIGHT_CONFIG: config, CERTWRIGHT_STATE: join(directory.path, 'state') }
  for (const { words, expected } of suggestions) {
    const { stdout, stderr } = await runCli(['complete', '--', ...words], { env })
    assert.equal(stderr, '')
    const values = stdout.split('\n').map(line => line.split('\t')[0] ?? '')
    for (const value of expected)
      assert.ok(values.includes(value), `${words.join(' ')}: no ${value} in\n${stdout}`)
  }
})

test('completion never prints an error into a command line', async () => {
  await using directory = await tempDirectory()
  const config = join(directory.path, 'certwright.yaml')
  await writeFile(config, 'certificates: [')
  const { exitCode, stderr } = await runCli(['complete', '--', 'show', ''], {
    env: { CERTWRIGHT_CONFIG: config },
  })
  assert.deepEqual([exitCode, stderr], [0, ''])
})
