/** That the servers for the other tests really start, answer, and leave nothing behind. */
import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { httpsRequest } from './https.ts'
import { startNginx } from './nginx.ts'
import { startPebble } from './pebble.ts'
import { freePort, freePorts } from './ports.ts'
import { runProgram, skipWithout, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'

const isAlive = (pid: number) => existsSync(`/proc/${pid}`)

test('a temporary directory is gone after its block', async () => {
  let path = ''
  {
    await using directory = await tempDirectory()
    path = directory.path
    assert.ok(existsSync(path))
  }
  assert.ok(!existsSync(path))
})

test('free ports are all different', async () => {
  const ports = await freePorts(20)
  assert.equal(new Set(ports).size, 20)
})

test('a program that fails is a result, and its input and environment are what was given', async () => {
  const program = "process.stdin.pipe(process.stdout); process.exitCode = Number(process.env['CODE'])"
  const result = await runProgram(process.execPath, ['-e', program], { env: { CODE: '7' }, input: 'hello' })
  assert.deepEqual(result, { exitCode: 7, stdout: 'hello', stderr: '' })
})

test('a program that ignores the polite signal is killed', { timeout: 20_000 }, async () => {
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('here')"
  const stubborn = await startProgram(process.execPath, ['-e', script], { stopMs: 200 })
  await stubborn.waitForOutput(/here/)
  await stubborn[Symbol.asyncDispose]()
  assert.equal(await stubborn.ended, 'SIGKILL')
  assert.ok(!isAlive(stubborn.pid))
})

test('Pebble answers, knows its roots, and asks our DNS', {
  skip: skipWithout('pebble', 'pebble-challtestsrv', 'openssl'),
}, async () => {
  await using pebble = await startPebble({ alternateRoots: 1 })
  const directory = await httpsRequest(pebble.directory, { trustPem: pebble.trustPem })
  assert.match(directory.text, /newOrder/)
  const roots = await pebble.rootsPem()
  assert.equal(roots.length, 2)
  for (const root of roots) assert.match(root, /BEGIN CERTIFICATE/)

  const resolver = new Resolver()
  resolver.setServers([pebble.dnsServer])
  assert.deepEqual(await resolver.resolve4('anything.example'), ['127.0.0.1'])
  await pebble.dns.setAddresses('moved.example', ['127.0.0.7', '::1'])
  assert.deepEqual(await resolver.resolve4('moved.example'), ['127.0.0.7'])
  assert.deepEqual(await resolver.resolve6('moved.example'), ['::1'])
  await pebble.dns.addTxt('_acme-challenge.www.example', 'value')
  assert.deepEqual(await resolver.resolveTxt('_acme-challenge.www.example'), [['value']])
})

test('nginx serves, reloads, refuses a broken configuration, and stops', {
  skip: skipWithout('nginx'),
}, async () => {
  const port = await freePort()
  const site = (text: string) => `server { listen 127.0.0.1:${port}; location / { return 200 "${text}"; } }\n`
  const get = async () =>
    (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text()
  let [pid, directory] = [0, '']
  {
    await using nginx = await startNginx({ serverBlocks: site('one') })
    ;[pid, directory] = [nginx.pid, nginx.directory]
    assert.equal(await get(), 'one')
    await nginx.writeSite(site('two'))
    await nginx.reload()
    assert.equal(await get(), 'two')
    await nginx.writeSite('server { nonsense; }')
    await assert.rejects(nginx.reload(), /unknown directive "nonsense"/)
    assert.equal(await get(), 'two')
  }
  assert.ok(!isAlive(pid))
  assert.ok(!existsSync(directory))
})
