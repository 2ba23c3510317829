/** One certificate for several servers, one of which fails. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { runCli } from '../support/cli.ts'
import { eximProgram } from '../support/exim.ts'
import { makeServerCertificate } from '../support/https.ts'
import { startPebble } from '../support/pebble.ts'
import { freePort } from '../support/ports.ts'
import { type Finished, requireProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { startDovecot } from './dovecot.ts'
import { startExim } from './exim.ts'
import { leafAt } from './leaf.ts'
import { startPostfix } from './postfix.ts'
import type { RunningServer, Setup } from './server-case.ts'

const names = ['mail.example', 'www.mail.example'] as const
const [name] = names
const isRoot = process.getuid?.() === 0
const skip = isRoot
  ? skipWithout('pebble', 'openssl', 'postfix', 'dovecot', 'doveadm', eximProgram)
  : 'only root can start Postfix'

test('one certificate for Postfix, Dovecot and Exim', { skip, timeout: 240_000 }, async t => {
  await using bench = await startBench()
  const { run, reloads, served, fault, issued, newest } = bench
  const all = (leaf: string) =>
    served().then(seen => assert.deepEqual(seen, { postfix: leaf, dovecot: leaf, exim: leaf }))

  await t.test('the first: one fails, and the others have it already', async () => {
    const before = await served()
    await fault.begin()
    const refused = await run('apply')
    assert.equal(refused.exitCode, 1, words(refused))
    assert.match(words(refused), /exim.*FAILED/)
    const leaf = await newest()
    assert.deepEqual(await served(), { postfix: leaf, dovecot: leaf, exim: before.exim })
    assert.deepEqual(await reloads(), { postfix: 1, dovecot: 1 })
  })
  await t.test('it is delivered to the one that failed alone, and not issued again', async () => {
    await fault.end()
    good(await run('apply', '--only', name))
    await all(await newest())
    assert.deepEqual(await reloads(), { postfix: 1, dovecot: 1 })
    assert.equal(await issued(), 1)
  })
  await t.test('a renewal: each is told once', async () => {
    good(await run('apply', '--force', name))
    await all(await newest())
    assert.deepEqual(await reloads(), { postfix: 2, dovecot: 2 })
    assert.equal(await issued(), 2)
  })
  await t.test('a renewal that fails at one: all go back to the earlier certificate', async () => {
    const before = await newest()
    await fault.begin()
    const refused = await run('apply', '--force', name)
    assert.equal(refused.exitCode, 1, words(refused))
    assert.match(words(refused), /given the earlier certificate again, because exim.* failed/)
    await all(before)
    assert.equal(await issued(), 3)
  })
  await t.test('when the fault is gone, all get the one that was issued', async () => {
    const before = await reloads()
    await fault.end()
    good(await run('deploy', name))
    assert.equal(await issued(), 3, 'it was issued again')
    await all(await newest())
    assert.deepEqual(await reloads(), { postfix: before.postfix + 1, dovecot: before.dovecot + 1 })
    const again = await run('apply', '--detailed-exitcode')
    assert.equal(again.exitCode, 3, words(again))
  })
})

const words = ({ stdout, stderr }: Finished) => `${stdout}\n${stderr}`
const good = (result: Finished) => assert.equal(result.exitCode, 0, words(result))

async function startBench() {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await tempDirectory())
  await chmod(path, 0o711)
  const state = join(path, 'state')
  const start = async (kind: string, starter: (setup: Setup) => Promise<RunningServer>) => {
    const directory = join(path, kind)
    await mkdir(directory, { mode: 0o711 })
    const { certificateFile, keyFile } = await makeServerCertificate(directory, names)
    const setup = { directory, names, certificateFile, keyFile, combinedFile: '' }
    return started.use(await starter(setup))
  }
  const servers = {
    postfix: await start('postfix', startPostfix),
    dovecot: await start('dovecot', startDovecot),
    exim: await start('exim', startExim),
  }
  const [faultFile, log] = [join(path, 'fault'), join(path, 'reloads')]
  const script = async (file: string, text: string) => {
    const at = join(path, file)
    await writeFile(at, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return { reload: [at] }
  }
  await writeFile(log, '')
  const count = async (kind: 'postfix' | 'dovecot', program: string) => {
    const command = `${requireProgram(program)} -c ${String(servers[kind].options['config'])} reload`
    return await script(`reload-${kind}`, `echo ${kind} >> ${log}\nexec ${command}`)
  }
  const deploy = [
    { postfix: { ...servers.postfix.options, ...(await count('postfix', 'postfix')) } },
    { dovecot: { ...servers.dovecot.options, ...(await count('dovecot', 'doveadm')) } },
    { exim: { ...servers.exim.options, ...(await script('reload-exim', `test ! -e ${faultFile}`)) } },
  ]
  const httpPort = await freePort()
  const pebble = started.use(await startPebble({ httpPort }))
  const configFile = join(path, 'certwright.yaml')
  await writeFile(
    configFile,
    stringify({
      authority: { directory: pebble.directory, trust: pebble.trustFile },
      account: { 'agree-to-terms': true },
      resolvers: [pebble.dnsServer],
      defaults: {
        solvers: {
          'http-01': { standalone: { port: httpPort, addresses: ['127.0.0.1'] }, port: httpPort },
        },
      },
      certificates: { [name]: { identifiers: names, deploy } },
    }),
  )
  const generations = () => readdir(join(state, 'certificates', name))
  const all = started.move()
  return {
    run: (...args: readonly string[]) =>
      runCli([...args, '--config', configFile, '--state', state], { timeoutMs: 120_000 }),
    fault: { begin: () => writeFile(faultFile, ''), end: () => rm(faultFile) },
    issued: async () => (await generations()).length,
    /** The leaf that `live/` leads to. */
    newest: async () =>
      new X509Certificate(await readFile(join(state, 'live', name, 'cert.pem'))).fingerprint256,
    reloads: async () => {
      const lines = (await readFile(log, 'utf8')).split('\n')
      const of = (kind: string) => lines.filter(line => line === kind).length
      return { postfix: of('postfix'), dovecot: of('dovecot') }
    },
    served: async () => ({
      postfix: await onlyLeaf(servers.postfix),
      dovecot: await onlyLeaf(servers.dovecot),
      exim: await onlyLeaf(servers.exim),
    }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The leaf that all places of a server show. */
async function onlyLeaf({ places }: RunningServer): Promise<string> {
  const leaves = new Set<string>()
  for (const place of places) leaves.add(await leafAt(place, name))
  assert.equal(leaves.size, 1, 'a server shows two certificates')
  return [...leaves].join()
}
