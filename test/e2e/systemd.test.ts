/** The units for systemd, as far as they can be tried on a machine that need not run it. */
import assert from 'node:assert/strict'
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { startCli } from '../support/cli.ts'
import { requireProgram, runProgram, skipWithout, startProgram } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'
import { startWorld } from '../support/world.ts'

const directory = join(dirname(dirname(import.meta.dirname)), 'packaging', 'systemd')
const services = ['certwright.service', 'certwright-renew.service']
const unit = (name: string) => readFile(join(directory, name), 'utf8')

/** The values of a setting, of all its lines. */
function settings(text: string, name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].flatMap(([, value = '']) => value.split(' '))
}

test('systemd finds nothing wrong with the units', { skip: skipWithout('systemd-analyze') }, async () => {
  await using copy = await tempDirectory()
  await cp(directory, copy.path, { recursive: true })
  const names = [...services, 'certwright-renew.timer']
  const analyze = (...args: readonly string[]) =>
    runProgram(requireProgram('systemd-analyze'), args, { cwd: copy.path })
  const { exitCode, stdout, stderr } = await analyze('verify', ...names.map(name => join(copy.path, name)))
  assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '', stderr: '' })
})

test('the services may do little', { skip: skipWithout('systemd-analyze') }, async () => {
  for (const name of services) {
    const args = ['security', '--offline=yes', join(directory, name)]
    const { stdout } = await runProgram(requireProgram('systemd-analyze'), args)
    const [, level] = /Overall exposure level for .*: (\d+\.\d)/.exec(stdout) ?? []
    assert.ok(Number(level) <= mostExposed, `${name}: ${level}`)
  }
})

// From 0 to 10, and other unit files of distributions are mostly at 9.
const mostExposed = 3.5

test('both services are allowed the same', async () => {
  const [one = '', other = ''] = await Promise.all(
    services.map(
      async name =>
        /^# Keys and certificates\.[^]*?(?=\n\[Install\]|$(?![^]))/m.exec(await unit(name))?.[0].trim() ?? '',
    ),
  )
  assert.ok(one.split('\n').length > 30)
  assert.equal(one, other)
})

// As root, who then has no other capabilities than those of the unit.
const asRoot = process.getuid?.() === 0 ? false : 'only root can take capabilities away'

test('the capabilities of the unit are enough to issue by a webroot of somebody else, and to deliver to nginx', {
  skip: asRoot || skipWithout('pebble', 'nginx', 'setpriv'),
  timeout: 120_000,
}, async () => {
  const capabilities = settings(await unit('certwright.service'), 'CapabilityBoundingSet')
  const bounding = ['-all', ...capabilities.map(name => name.toLowerCase().replace('cap_', '+'))].join(',')
  await using world = await startWorld()
  await runProgram(requireProgram('chown'), [strangerUid, world.webroot])
  await world.writeTlsSite('a.example', ['a.example'])
  await appendFile(world.configFile, 'certificates: { a.example: {} }\n')
  const under = [
    requireProgram('setpriv'),
    ...['--no-new-privs', `--bounding-set=${bounding}`, `--inh-caps=${bounding}`],
  ]
  await using daemon = await startCli(['run', ...world.flags], { under })
  await daemon.waitForOutput(/certificate-issued .*/, { timeoutMs: 60_000 })
  const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8')
  const [, effective = ''] = /^CapEff:\t([0-9a-f]+)$/m.exec(status) ?? []
  assert.equal(BigInt(`0x${effective}`).toString(2).replaceAll('0', '').length, capabilities.length)
  assert.equal(
    (await world.served('a.example')).fingerprint256,
    (await world.live('a.example')).fingerprint256,
  )
})

test('the system calls of an issuance and a delivery are those that the unit allows', {
  skip: skipWithout('pebble', 'nginx', 'strace', 'systemd-analyze'),
  timeout: 120_000,
}, async () => {
  const allowed = new Set<string>()
  for (const group of settings(await unit('certwright.service'), 'SystemCallFilter'))
    for (const name of await systemCalls(group)) allowed.add(name)
  await using world = await startWorld()
  await world.writeTlsSite('a.example', ['a.example'])
  await appendFile(world.configFile, 'certificates: { a.example: {} }\n')
  const trace = join(world.nginx.directory, 'trace')
  const under = [requireProgram('strace'), '--daemonize', '--follow-forks', '-qq', `--output=${trace}`]
  await using daemon = await startCli(['run', ...world.flags], { under })
  await daemon.waitForOutput(/certificate-issued /, { timeoutMs: 100_000 })
  daemon.signal('SIGTERM')
  assert.equal(await daemon.ended, 0)
  const used = new Set(
    Array.from((await readFile(trace, 'utf8')).matchAll(/^\d+ +([a-z_0-9]+)\(/gm), ([, name = '']) => name),
  )
  assert.ok(used.size > 50, `${used.size} different ones`)
  assert.deepEqual(
    [...used].filter(name => !allowed.has(name)),
    [],
  )
})

/** The members of a group such as `@system-service`, and those of the groups in it. */
async function systemCalls(name: string): Promise<readonly string[]> {
  if (!name.startsWith('@')) return [name]
  const { stdout } = await runProgram(requireProgram('systemd-analyze'), [
    '--no-pager',
    'syscall-filter',
    name,
  ])
  const members = stdout
    .split('\n')
    .slice(1)
    .map(line => line.trim())
    .filter(line => /^[@a-z]/.test(line))
  return (await Promise.all(members.map(systemCalls))).flat()
}

const strangerUid = '65534'

// The kernel closes what is sent along for the barrier, which is all that it waits for.
const receiver = `$| = 1;
my $listener = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
print "bound\\n";
while (defined $listener->recv(my $message, 65536)) { print "$message\\n" }`

test('systemd is told by its own program', {
  skip: skipWithout('systemd-notify', 'perl'),
  timeout: 60_000,
}, async () => {
  await using place = await tempDirectory()
  const socket = join(place.path, 'notify')
  const config = join(place.path, 'certwright.yaml')
  await writeFile(config, '')
  await using manager = await startProgram(requireProgram('perl'), [
    '-MIO::Socket::UNIX',
    '-e',
    receiver,
    socket,
  ])
  await manager.waitForOutput(/bound/)
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000000', JOURNAL_STREAM: '8:1' }
  await using daemon = await startCli(['run', '--config', config, '--state', join(place.path, 'state')], {
    env,
  })
  await manager.waitForOutput(/^READY=1\nSTATUS=0 certificates$/m)
  await manager.waitForOutput(/^STATUS=0 certificates; next look 20\d\d-/m)
  await manager.waitForOutput(/^WATCHDOG=1$/m)
  const ready = () => [...manager.output().matchAll(/^READY=1$/gm)].length
  daemon.signal('SIGHUP')
  await manager.waitForOutput(/^RELOADING=1$/m)
  await until('READY=1 after the reload', () => ready() === 2 || undefined)
  daemon.signal('SIGTERM')
  await manager.waitForOutput(/^STOPPING=1$/m)
  assert.equal(await daemon.ended, 0)
  assert.match(daemon.output(), /^<6>started version=/)
})
