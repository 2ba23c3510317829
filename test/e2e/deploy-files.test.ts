/** Copies for servers that do not read `live/`: every format, owners, the proof on the wire, and the way back. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { servedAt, startWorld, type World } from '../support/world.ts'

const skip = skipWithout('pebble', 'nginx', 'openssl')
const timeout = 120_000
const isRoot = process.getuid?.() === 0

type Result = { readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }
const ok = ({ exitCode, stdout, stderr }: Result) => assert.equal(exitCode, 0, `${stdout}\n${stderr}`)

/** Adds an entry to the configuration; `fields` is YAML in flow style. */
async function addEntry(world: World, name: string, fields: string): Promise<void> {
  const config = await readFile(world.configFile, 'utf8')
  const [before = ''] = config.split('certificates:')
  await writeFile(world.configFile, `${before}certificates: { ${name}: ${fields} }\n`)
}

test('every format, with owners and modes', { skip, timeout }, async () => {
  await using world = await startWorld()
  await using place = await tempDirectory()
  const secret = join(place.path, 'password')
  await writeFile(secret, 'geheim\n')
  const [owner, group] = isRoot ? ['nobody', 12_345] : [process.getuid?.(), process.getgid?.()]
  const at = (name: string) => join(place.path, 'tls', name)
  const formats = [
    'cert',
    'chain',
    'fullchain',
    'key',
    'combined',
    'combined-chain-first',
    'der-cert',
    'der-key',
  ]
  const files = formats.map(format => `{ path: ${format}, format: ${format} }`)
  await addEntry(
    world,
    'mail.example',
    `{ deploy: [{ files: { directory: ${at('')}, owner: ${owner}, group: ${group}, mode: 0640, write: [${files.join(', ')},
      { path: store.p12, format: pkcs12, password: { file: ${secret} }, mode: "0400" }] } }] }`,
  )
  const applied = await world.run('apply')
  ok(applied)
  assert.match(applied.stdout, /note: no endpoints are configured/)

  const live = (name: string) => readFile(join(world.state, 'live', 'mail.example', name), 'utf8')
  const text = async (name: string) => (await readFile(at(name))).toString()
  const [cert, chain, key] = [await live('cert.pem'), await live('chain.pem'), await live('privkey.pem')]
  assert.deepEqual(
    await Promise.all(['cert', 'chain', 'fullchain', 'key', 'combined', 'combined-chain-first'].map(text)),
    [cert, chain, cert + chain, key, key + cert + chain, cert + chain + key],
  )
  assert.equal(
    new X509Certificate(await readFile(at('der-cert'))).fingerprint256,
    new X509Certificate(cert).fingerprint256,
  )
  const der = createPrivateKey({ key: await readFile(at('der-key')), format: 'der', type: 'pkcs8' })
  assert.ok(der.equals(createPrivateKey(key)))
  const args = ['pkcs12', '-in', at('store.p12'), '-passin', `file:${secret}`, '-nodes']
  const store = await runProgram(requireProgram('openssl'), args)
  ok(store)
  assert.ok(
    createPrivateKey(/-----BEGIN PRIVATE.*END PRIVATE KEY-----/s.exec(store.stdout)?.[0] ?? '').equals(der),
  )
  assert.match(store.stdout, /friendlyName: mail\.example/)

  assert.deepEqual((await readdir(at(''))).sort(), [...formats, 'store.p12'].sort(), 'and nothing else')
  const nobody = Number((await runProgram('/usr/bin/id', ['-u', 'nobody'])).stdout)
  for (const name of await readdir(at(''))) {
    const { uid, gid, mode } = await stat(at(name))
    assert.deepEqual([uid, gid], isRoot ? [nobody, 12_345] : [owner, group], name)
    assert.equal((mode & 0o7777).toString(8), name === 'store.p12' ? '400' : '640', name)
  }
  const before = await stat(at('store.p12'))
  ok(await world.run('deploy', 'mail.example'))
  assert.equal((await stat(at('store.p12'))).ino, before.ino, 'what is there as wanted is not written again')
})

/** An nginx that reads copies, of a certificate of somebody else's at first, and is told to by a command of its own. */
async function startMailServer() {
  await using started = new AsyncDisposableStack()
  const { path: directory } = started.use(await tempDirectory())
  const tls = join(directory, 'tls')
  await mkdir(tls)
  const key = join(tls, 'privkey.pem')
  const cert = join(tls, 'fullchain.pem')
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=old',
  ]
  ok(await runProgram(requireProgram('openssl'), [...request, '-keyout', key, '-out', cert, '-days', '9']))
  await chmod(key, 0o604)
  const port = await freePort()
  const nginx = started.use(
    await startNginx({
      serverBlocks: `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; }`,
    }),
  )
  const all = started.move()
  const facts = async (path: string) => {
    const { ino, uid, gid, mode, mtimeMs } = await stat(path)
    return { ino, uid, gid, mode, mtimeMs, text: await readFile(path, 'utf8') }
  }
  return {
    tls,
    key,
    /** YAML of the target, with another reload command if one is given. */
    target: (reload: readonly string[] = [nginx.program, ...nginx.args, '-s', 'reload']) =>
      `{ files: { directory: ${tls}, reload: ${JSON.stringify(reload)}, endpoints: ["127.0.0.1:${port}"] } }`,
    served: async () => (await servedAt(port, 'mail.example')).fingerprint256,
    lies: async () => ({
      names: (await readdir(tls)).sort(),
      files: await Promise.all([key, cert].map(facts)),
    }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

test('a server gets copies, proves that it uses them, and gets the old ones back when it does not', {
  skip,
  timeout,
}, async () => {
  await using world = await startWorld()
  await using server = await startMailServer()
  const entry = (target: string) => addEntry(world, 'mail.example', `{ deploy: [${target}] }`)
  const live = async () => (await world.live('mail.example')).fingerprint256
  const old = { served: await server.served(), lies: await server.lies() }

  // Copies of somebody else's go back to what they were, though there is no generation before this one.
  await entry(server.target(['/bin/false']))
  const refused = await world.run('apply')
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stdout, /"\/bin\/false" ended with exit code 1/)
  assert.deepEqual({ served: await server.served(), lies: await server.lies() }, old)

  await entry(server.target())
  ok(await world.run('apply', '--only', 'mail.example'))
  const first = await server.served()
  assert.equal(first, await live())
  const lies = await server.lies()
  assert.deepEqual(lies.names, ['cert.pem', 'chain.pem', 'combined.pem', 'fullchain.pem', 'privkey.pem'])

  // A reload that says that it worked and did nothing.
  await entry(server.target(['/bin/true']))
  ok(await world.run('apply'))
  const useless = await world.run('renew', '--force', 'mail.example')
  assert.equal(useless.exitCode, 1)
  assert.match(useless.stdout, /does not serve the new certificate/)
  assert.deepEqual(await server.lies(), lies, 'the very files with owner, mode and times')
  assert.deepEqual([await server.served(), await live()], [first, first])

  await entry(server.target())
  ok(await world.run('apply', '--only', 'mail.example'))
  const second = await server.served()
  assert.notEqual(second, first)
  assert.equal(second, await live())
})

test('a copy that somebody changed is noticed and written again', { skip, timeout }, async () => {
  await using world = await startWorld()
  await using server = await startMailServer()
  await addEntry(world, 'mail.example', `{ deploy: [${server.target()}] }`)
  ok(await world.run('apply'))
  const quiet = await world.run('apply')
  assert.equal(quiet.stdout, '', 'nothing has changed')
  const reason = async () => {
    const { value } = await world.json('plan')
    const [action] = (value as { actions: { kind: string; reason: { code: string; text: string } }[] })
      .actions
    return action?.reason
  }
  await chmod(server.key, 0o644)
  assert.deepEqual(await reason(), {
    code: 'deployed-copy-differs',
    text: `${server.key} has mode 0644 now, instead of 0600`,
  })
  ok(await world.run('apply'))
  assert.equal((await stat(server.key)).mode & 0o777, 0o600)
  await writeFile(server.key, 'nonsense')
  assert.match((await reason())?.text ?? '', /has another content now/)
  const verified = await world.run('verify')
  assert.equal(verified.exitCode, 1)
  assert.match(verified.stdout, /privkey\.pem has another content now/)
  ok(await world.run('apply'))
  assert.match(await readFile(server.key, 'utf8'), /BEGIN PRIVATE KEY/)
  await addEntry(
    world,
    'mail.example',
    `{ deploy: [${server.target().replace('{ files: {', '{ files: { mode: 0600,')}] }`,
  )
  assert.match((await reason())?.text ?? '', /the configuration of files \(.*\) was changed/)
  ok(await world.run('apply'))
  assert.equal((await stat(join(server.tls, 'cert.pem'))).mode & 0o777, 0o600)
})

test('issue --deploy files:DIR writes the usual five', { skip, timeout }, async () => {
  await using world = await startWorld()
  await using place = await tempDirectory()
  const directory = join(place.path, 'mail')
  const issued = await world.run('issue', 'mail.example', '--deploy', `files:${directory}`)
  ok(issued)
  assert.match(issued.stdout, /files \(.*mail\): ok/)
  assert.deepEqual((await readdir(directory)).sort(), [
    'cert.pem',
    'chain.pem',
    'combined.pem',
    'fullchain.pem',
    'privkey.pem',
  ])
  assert.equal((await stat(join(directory, 'privkey.pem'))).mode & 0o777, 0o600)
  assert.equal((await stat(directory)).mode & 0o777, 0o755)
})
