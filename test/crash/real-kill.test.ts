/**
 * Real processes that the kernel kills at their system calls: whoever comes next does on the real disk, with the real locks,
 * what the other tests look at in memory. Every call that gives something its name is a point to die.
 */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { cliPath, runCli } from '../support/cli.ts'
import { startHostileCa } from '../support/hostile-ca.ts'
import { findProgram, skipWithout, startProgram } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout('strace')
const timeout = 180_000
const name = 'www.example'
/** A first issuance makes seven links or so, and as many renames. */
const fewestDeaths = 12

test('a first issuance, killed at each call of link, rename and symlink', { skip, timeout }, async t => {
  let deaths = 0
  for (const call of ['link', 'rename', 'symlink'])
    for (let number = 1; await survives(call, number); number += 1) deaths += 1
  t.diagnostic(`${deaths} deaths`)
  assert.ok(deaths >= fewestDeaths)
})

/** @returns whether there was such a call to die at; the one that comes next finishes in any case */
async function survives(call: string, number: number): Promise<boolean> {
  await using directory = await tempDirectory()
  const place = (file: string) => join(directory.path, file)
  const webroot = place('webroot')
  await mkdir(webroot)
  await using ca = await startHostileCa({ directory: directory.path, webroot })
  const config = `authority: { directory: "${ca.directory}", trust: ${ca.trustFile} }
account: { agree-to-terms: true }
defaults: { solvers: { http-01: { webroot: ${webroot}, self-check: false } } }
certificates: { ${name}: {} }
`
  await writeFile(place('certwright.yaml'), config)
  const apply = ['apply', '--config', place('certwright.yaml'), '--state', place('state')]

  const strace = findProgram('strace') ?? assert.fail('strace is not installed')
  const death = ['-f', '-qq', '-o', place('trace'), '-e', `inject=${call}:signal=SIGKILL:when=${number}`]
  await using killed = await startProgram(strace, [...death, process.execPath, cliPath, ...apply])
  const end = await killed.ended
  const { exitCode, stdout, stderr } = await runCli(apply)

  const what = `${call} ${number}: ${stdout}${stderr}`
  assert.equal(exitCode, 0, what)
  assert.equal(ca.issued(), 1, what)
  assert.equal((await readdir(place(`state/certificates/${name}`))).length, 1, what)
  const live = place(`state/live/${name}`)
  const certificate = new X509Certificate(await readFile(`${live}/cert.pem`))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(await readFile(`${live}/privkey.pem`))), what)
  const runs = (await readdir(place('state/runs'))).filter(file => !file.startsWith('.certwright-tmp-'))
  assert.deepEqual([runs, await readdir(webroot)], [[], []], what)
  assert.ok(end === 0 || end === 'SIGKILL', killed.output())
  return end === 'SIGKILL'
}
