/** Every example runs as it stands and prints what it is there to show. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { freePort } from '../support/ports.ts'
import { plainEnvironment, runProgram } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const directory = join(dirname(dirname(import.meta.dirname)), 'examples')

const prints: Readonly<Record<string, RegExp>> = {
  'obtain-certificate.ts':
    /intermediate certified shop\.example, www\.shop\.example\n(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n){2}/,
  'test-ca.ts': /^directory: https:\/\/127\.0\.0\.1:\d+\/\S*\nresources: newNonce, .*\nhello\n$/,
  'manager.ts':
    /^plan: issue \(.*\n( {2}.*\n)+apply: issued\nplan: none \(.*\napply: unchanged\nfiles: cert\.pem .*privkey\.pem\n$/,
  'https-server.ts':
    /^issued: serial number (\w+)\n {2}port (\d+) serves (\w{64})\nissued: serial number (?!\1)\w+\n {2}port \2 serves (?!\3)\w{64}\n$/,
}

test('every example has a test', () => {
  assert.deepEqual(
    globSync('*.ts', { cwd: directory })
      .map(file => basename(file))
      .sort(),
    Object.keys(prints).sort(),
  )
})

for (const [file, expected] of Object.entries(prints)) {
  test(`${file} runs`, async () => {
    await using home = await tempDirectory()
    const { exitCode, stdout, stderr } = await runProgram(
      process.execPath,
      [join(directory, file), String(await freePort())],
      { env: { ...plainEnvironment(), TMPDIR: home.path } },
    )
    assert.equal(stderr, '')
    assert.match(stdout, expected)
    assert.equal(exitCode, 0)
    assert.deepEqual(await readdir(home.path), [], 'nothing is left behind')
  })
}
