/** The targets for servers that Certwright does not know: delivered, renewed, put back with a fault, and well without it. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { startTlsDaemon, type TlsDaemon } from '../support/tls-daemon.ts'
import { servedAt } from '../support/world.ts'

const skip = skipWithout('pebble', 'openssl')
const timeout = 240_000
const name = 'mail.example'

const words = ({ stdout, stderr }: Finished) => `${stdout}\n${stderr}`
const good = (result: Finished) => assert.equal(result.exitCode, 0, words(result))

type Scene = {
  readonly issuer: Issuer
  readonly daemon: TlsDaemon
  /** The target, which makes the daemon read its copies. */
  readonly target: object
  /** Brings a fault about and tells what the report must say; then the fault is mended. */
  readonly fault: () => Promise<{ readonly says: RegExp; readonly mend: () => Promise<void> }>
}

/** What is promised of every target. */
async function keepsItsPromises({ issuer, daemon, target, fault }: Scene): Promise<void> {
  const served = async () => (await servedAt(daemon.port, name)).fingerprint256
  const isServed = async (what: string) => assert.equal(await served(), await issuer.live(name), what)
  await issuer.configure(name, [target])
  const old = await served()
  good(await issuer.run('apply'))
  await isServed('the first certificate')
  assert.notEqual(await served(), old)
  good(await issuer.run('renew', '--force', name))
  await isServed('a renewed certificate')

  const [before, files] = [await served(), await daemon.files()]
  const { says, mend } = await fault()
  const refused = await issuer.run('renew', '--force', name)
  assert.equal(refused.exitCode, 1, words(refused))
  assert.match(words(refused), says)
  assert.doesNotMatch(words(refused), /at .*\.ts:\d+/)
  assert.equal(await served(), before, 'the earlier certificate is served')
  assert.equal(await issuer.live(name), before, 'and in live/')
  assert.deepEqual(await daemon.files(), files, 'the earlier files are there')
  await mend()
  good(await issuer.run('apply', '--only', name))
  assert.notEqual(await served(), before)
  await isServed('after the fault was mended')
}

/** A daemon that takes no notice of what it is told. */
async function deafness(daemon: TlsDaemon) {
  await daemon.setDeaf(true)
  return { says: /does not serve the new certificate/, mend: () => daemon.setDeaf(false) }
}

const common = (daemon: TlsDaemon) => ({
  directory: daemon.tls,
  endpoints: [`127.0.0.1:${daemon.port}`],
  'served-within': '2 s',
})

test('process: a signal to the process of a pid file', { skip, timeout }, async () => {
  await using issuer = await startIssuer()
  await using daemon = await startTlsDaemon()
  const target = { process: { ...common(daemon), 'pid-file': daemon.pidFile, program: 'tls-daemon' } }
  await keepsItsPromises({ issuer, daemon, target, fault: () => deafness(daemon) })

  // The process of somebody else, which a HUP would end, under the number in the pid file.
  const pid = await daemon.pid()
  await writeFile(daemon.pidFile, `${process.pid}\n`)
  const refused = await issuer.run('renew', '--force', name)
  assert.equal(refused.exitCode, 1)
  assert.match(words(refused), new RegExp(`names process ${process.pid}, which is not tls-daemon`))
  await writeFile(daemon.pidFile, `${pid}\n`)
  good(await issuer.run('apply', '--only', name))
})

test('process: a program by the port that it listens on', { skip, timeout }, async () => {
  await using issuer = await startIssuer()
  await using other = await startTlsDaemon()
  await using daemon = await startTlsDaemon()
  const found = { program: 'tls-daemon', port: daemon.port }
  await issuer.configure(name, [{ process: { ...common(daemon), ...found } }])
  good(await issuer.run('apply'))
  assert.equal((await servedAt(daemon.port, name)).fingerprint256, await issuer.live(name))
  await issuer.configure(name, [{ process: { ...common(daemon), program: 'tls-daemon' } }])
  const unclear = await issuer.run('renew', '--force', name)
  assert.equal(unclear.exitCode, 1)
  assert.match(words(unclear), /processes are called tls-daemon \(.*\), so it is not clear which is meant/)
  assert.ok((await other.pid()) > 0)
})

test('exec: a program that is told what it is about', { skip, timeout }, async () => {
  await using issuer = await startIssuer()
  await using daemon = await startTlsDaemon()
  const log = join(daemon.directory, 'exec.log')
  const copy = `for f in fullchain privkey; do cat "$CERTWRIGHT_DIRECTORY/$f.pem" > '${daemon.tls}'/$f.pem; done`
  const push = await daemon.script(
    'push',
    `echo "$CERTWRIGHT_EVENT $CERTWRIGHT_NAME" >> '${log}'\n${copy}\n'${daemon.reload}'`,
  )
  const { directory: _, ...rest } = common(daemon)
  const fault = async () => {
    await daemon.setDeaf(true)
    return { says: /exec \(.*push\).*does not serve/s, mend: () => daemon.setDeaf(false) }
  }
  await keepsItsPromises({ issuer, daemon, target: { exec: { ...rest, command: [push] } }, fault })
  const told = (await readFile(log, 'utf8')).trim().split('\n')
  assert.deepEqual(told, [
    'delivery mail.example',
    'delivery mail.example',
    'delivery mail.example',
    'going-back mail.example',
    'delivery mail.example',
  ])
  const failing = await daemon.script('failing', 'echo "the firewall is closed" >&2; exit 7')
  await issuer.configure(name, [{ exec: { ...rest, command: [failing] } }])
  const failed = await issuer.run('apply')
  assert.equal(failed.exitCode, 1)
  assert.match(words(failed), /failing" ended with exit code 7: the firewall is closed/)
})

test('restart-if-older: a restart where it is needed, and none where it is not', {
  skip,
  timeout,
}, async () => {
  await using issuer = await startIssuer()
  await using daemon = await startTlsDaemon()
  const restarts = join(daemon.directory, 'restarts')
  await writeFile(restarts, '')
  const counting = await daemon.script('counting', `echo x >> '${restarts}'\nexec '${daemon.restart}'`)
  const fault = async () => {
    const useless = await daemon.script('counting', 'exit 0')
    assert.equal(useless, counting)
    return {
      says: /tls-daemon is still the process from before, after ".*counting" succeeded/,
      mend: async () => {
        await daemon.script('counting', `echo x >> '${restarts}'\nexec '${daemon.restart}'`)
      },
    }
  }
  const which = { 'pid-file': daemon.pidFile, program: 'tls-daemon', restart: [counting] }
  const target = { 'restart-if-older': { ...common(daemon), ...which, timeout: '10 s' } }
  await keepsItsPromises({ issuer, daemon, target, fault })
  const count = async () => (await readFile(restarts, 'utf8')).length / 2
  assert.equal(await count(), 3)
  const pid = await daemon.pid()
  good(await issuer.run('deploy', name))
  assert.equal(await count(), 3, 'it is younger than its files')
  assert.equal(await daemon.pid(), pid)
})

test('container: the client is run, here a script that notes its arguments', { skip, timeout }, async () => {
  await using issuer = await startIssuer()
  await using daemon = await startTlsDaemon()
  const log = join(daemon.directory, 'docker.log')
  const docker = await daemon.script(
    'docker',
    `printf '%s|' "$@" >> '${log}'; echo >> '${log}'
case $1 in
ps) cat '${daemon.directory}/ps' ;;
exec) exec '${daemon.reload}' ;;
esac`,
  )
  await writeFile(join(daemon.directory, 'ps'), 'c0ffee web-1\n')
  const exec = ['nginx', '-s', 'reload']
  const container = { ...common(daemon), runtime: docker, label: 'tier=web', exec }
  await keepsItsPromises({ issuer, daemon, target: { container }, fault: () => deafness(daemon) })
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  assert.deepEqual(
    [...new Set(lines)],
    ['ps|--no-trunc|--filter|label=tier=web|--format|{{.ID}} {{.Names}}|', 'exec|c0ffee|nginx|-s|reload|'],
  )
  await writeFile(join(daemon.directory, 'ps'), '')
  const none = await issuer.run('renew', '--force', name)
  assert.equal(none.exitCode, 1)
  assert.match(words(none), /no container with the label tier=web is running/)
})
