/** The targets on other machines: a real sshd, and services that check what they are asked. */
import assert from 'node:assert/strict'
import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubernetesWith, startService, startTlsEndpoint, vaultWith } from '../support/fake-services.ts'
import { startIssuer } from '../support/issuer.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { startSshd } from '../support/sshd.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { startTlsDaemon } from '../support/tls-daemon.ts'
import { servedAt } from '../support/world.ts'

const skip = skipWithout('pebble', 'openssl')
const timeout = 240_000
const name = 'mail.example'

const words = ({ stdout, stderr }: Finished) => `${stdout}\n${stderr}`
const good = (result: Finished) => assert.equal(result.exitCode, 0, words(result))
const bad = (result: Finished, ...says: readonly RegExp[]) => {
  assert.equal(result.exitCode, 1, words(result))
  for (const pattern of says) assert.match(words(result), pattern)
  assert.doesNotMatch(words(result), /at .*\.ts:\d+/)
}

test('ssh: a server on another machine is fed, renewed, put back and converges', {
  skip: skip || skipWithout('ssh', 'sshd', 'ssh-keygen'),
  timeout,
}, async () => {
  await using issuer = await startIssuer()
  await using sshd = await startSshd()
  await using daemon = await startTlsDaemon()
  await chmod(join(daemon.tls, 'privkey.pem'), 0o640)
  const place = {
    ...{ host: '127.0.0.1', user: sshd.user, port: sshd.port, 'identity-file': sshd.identityFile },
    ...{ 'known-hosts-file': sshd.knownHostsFile, directory: daemon.tls, reload: [daemon.reload] },
    write: [
      { path: 'fullchain.pem', format: 'fullchain' },
      { path: 'privkey.pem', format: 'key', mode: '0640' },
      { path: 'cert.der', format: 'der-cert' },
    ],
    ...{ endpoints: [`127.0.0.1:${daemon.port}`], 'served-within': '2 s' },
  }
  const configure = (changes: object = {}) => issuer.configure(name, [{ ssh: { ...place, ...changes } }])
  const served = async () => (await servedAt(daemon.port, name)).fingerprint256
  const facts = async () => {
    const { ino, mode, mtimeMs } = await stat(join(daemon.tls, 'privkey.pem'))
    return { ino, mode, mtimeMs, files: await daemon.files() }
  }
  const first = { served: await served(), facts: await facts() }

  // The files of somebody else's go back to what they were, though there is no generation before this one.
  await configure({ reload: ['/bin/sh', '-c', 'echo "it\'s broken" >&2; exit 3'] })
  bad(await issuer.run('apply'), /127\.0\.0\.1:\d+: cannot run ".*": it's broken/)
  assert.deepEqual({ served: await served(), facts: await facts() }, first)

  await configure()
  good(await issuer.run('apply', '--only', name))
  assert.equal(await served(), await issuer.live(name))
  assert.deepEqual((await readdir(daemon.tls)).sort(), ['cert.der', 'fullchain.pem', 'privkey.pem'])
  assert.equal((await stat(join(daemon.tls, 'privkey.pem'))).mode & 0o777, 0o640)
  const quiet = await issuer.run('apply', '--detailed-exitcode')
  assert.equal(quiet.exitCode, 3, `nothing is due: ${words(quiet)}`)
  good(await issuer.run('renew', '--force', name))
  assert.equal(await served(), await issuer.live(name))

  const before = { served: await served(), facts: await facts(), live: await issuer.live(name) }
  await daemon.setDeaf(true)
  bad(await issuer.run('renew', '--force', name), /does not serve the new certificate/)
  const after = { served: await served(), facts: await facts(), live: await issuer.live(name) }
  assert.deepEqual(after, before, 'the very files, with their times')
  await daemon.setDeaf(false)
  good(await issuer.run('apply', '--only', name))
  assert.notEqual(await served(), before.served)
  assert.equal(await served(), await issuer.live(name))
  assert.deepEqual((await readdir(daemon.tls)).sort(), ['cert.der', 'fullchain.pem', 'privkey.pem'])
  assert.doesNotMatch(sshd.log(), /password|agent/i)

  // Whoever is not the machine that is known gets nothing.
  const lies = await facts()
  await configure({ 'known-hosts-file': sshd.strangersFile })
  bad(
    await issuer.run('renew', '--force', name),
    /host key|host identification/i,
    /hint: somebody else may be/,
  )
  const unknown = join(daemon.directory, 'nobody')
  await writeFile(unknown, '')
  await configure({ 'known-hosts-file': unknown })
  bad(await issuer.run('renew', '--force', name), /its host key is not known here/, /ssh-keyscan -p/)
  await configure({ 'identity-file': join(daemon.directory, 'server.key') })
  bad(await issuer.run('renew', '--force', name), /cannot log in/, /authorized_keys|identity-file/)
  assert.deepEqual(await facts(), lies)
})

test('ssh: a machine that is down holds nobody up, and gets the same certificate later', {
  skip: skip || skipWithout('ssh', 'sshd', 'ssh-keygen'),
  timeout,
}, async () => {
  await using issuer = await startIssuer()
  await using sshd = await startSshd()
  await using there = await startTlsDaemon()
  await using here = await startTlsDaemon()
  const copies = (daemon: typeof here) => ({
    ...{ directory: daemon.tls, reload: [daemon.reload] },
    ...{ endpoints: [`127.0.0.1:${daemon.port}`], 'served-within': '2 s' },
  })
  const login = { host: '127.0.0.1', user: sshd.user, port: sshd.port }
  const files = { 'identity-file': sshd.identityFile, 'known-hosts-file': sshd.knownHostsFile }
  await issuer.configure(name, [{ ssh: { ...login, ...files, ...copies(there) } }, { files: copies(here) }])
  good(await issuer.run('apply'))
  const served = async (daemon: typeof here) => (await servedAt(daemon.port, name)).fingerprint256
  const first = await issuer.live(name)
  assert.deepEqual([await served(there), await served(here)], [first, first])

  await sshd.stop()
  const down = await issuer.run('renew', '--force', name)
  bad(down, /ssh .*FAILED\n.*Connection refused/, /hint: see whether 127\.0\.0\.1 is up/)
  const second = await issuer.live(name)
  assert.notEqual(second, first)
  assert.deepEqual([await served(there), await served(here)], [first, second])

  await sshd.restart()
  good(await issuer.run('apply', '--only', name))
  assert.equal(await issuer.live(name), second, 'without another order')
  assert.deepEqual([await served(there), await served(here)], [second, second])
})

test('kubernetes: a secret is applied, put back and converges', { skip, timeout }, async () => {
  await using issuer = await startIssuer()
  await using place = await tempDirectory()
  await using endpoint = await startTlsEndpoint()
  const token = join(place.path, 'token')
  await writeFile(token, 'geheimes-token\n')
  await using cluster = await startService(kubernetesWith(endpoint.show, { token: 'geheimes-token' }))
  const secret = { namespace: 'web', secret: 'mail-tls', server: cluster.url, 'ca-file': cluster.caFile }
  const seen = { endpoints: [`127.0.0.1:${endpoint.port}`], 'served-within': '2 s' }
  const configure = (changes: object = {}) =>
    issuer.configure(name, [{ kubernetes: { ...secret, token: { file: token }, ...seen, ...changes } }])
  const isShown = async () => assert.equal(endpoint.shown(), await issuer.live(name))
  const writes = () => cluster.requests.filter(({ method }) => method === 'PATCH').length

  await configure()
  good(await issuer.run('apply'))
  await isShown()
  good(await issuer.run('renew', '--force', name))
  await isShown()
  assert.equal(writes(), 2)

  const before = endpoint.shown()
  endpoint.setStuck(true)
  const stale = await issuer.run('renew', '--force', name)
  bad(stale, /kubernetes \(web\/mail-tls at https:.*\) was given it, but does not serve the new certificate/)
  assert.deepEqual([endpoint.shown(), await issuer.live(name)], [before, before])
  assert.equal(writes(), 4, 'the former content was written back')
  endpoint.setStuck(false)
  good(await issuer.run('apply', '--only', name))
  await isShown()
  assert.notEqual(endpoint.shown(), before)

  const kept = endpoint.shown()
  cluster.setFault(({ method }) =>
    method === 'PATCH'
      ? { status: 409, json: { kind: 'Status', message: 'Apply failed with 1 conflict: "cert-manager"' } }
      : undefined,
  )
  const conflict = await issuer.run('renew', '--force', name)
  bad(conflict, /cannot write the secret web\/mail-tls: answer 409: .*cert-manager/, /force: true/)
  assert.deepEqual([endpoint.shown(), await issuer.live(name)], [kept, kept])
  cluster.setFault(undefined)
  await writeFile(token, 'another-token')
  const refused = await issuer.run('renew', '--force', name)
  bad(refused, /cannot read the secret web\/mail-tls: answer 401: Unauthorized/, /the token is not accepted/)
  assert.ok(!words(refused).includes('another-token'))
  await writeFile(token, 'geheimes-token')
  good(await issuer.run('apply', '--only', name))
  await isShown()
})

test('vault: a secret is written with check-and-set, put back and converges', { skip, timeout }, async () => {
  await using issuer = await startIssuer({ env: { VAULT_TOKEN: 's.geheim' } })
  await using endpoint = await startTlsEndpoint()
  const versions: Readonly<Record<string, string>>[] = [{ note: 'of somebody else' }]
  const show = ({ fullchain = '', privkey = '' }: Readonly<Record<string, string>>) => {
    if (fullchain !== '') endpoint.show({ cert: fullchain, key: privkey })
  }
  await using service = await startService(vaultWith(show, { token: 's.geheim', versions }))
  const secret = { address: service.url, mount: 'secret', path: 'tls/mail', token: { env: 'VAULT_TOKEN' } }
  const seen = { endpoints: [`127.0.0.1:${endpoint.port}`], 'served-within': '2 s' }
  await issuer.configure(name, [{ vault: { ...secret, 'ca-file': service.caFile, ...seen } }])
  const isShown = async () => assert.equal(endpoint.shown(), await issuer.live(name))

  good(await issuer.run('apply'))
  await isShown()
  good(await issuer.run('renew', '--force', name))
  await isShown()
  assert.equal(versions.length, 3)
  assert.equal(versions.at(-1)?.['note'], 'of somebody else')

  const before = endpoint.shown()
  endpoint.setStuck(true)
  const stale = await issuer.run('renew', '--force', name)
  bad(stale, /vault \(https:.*\/secret\/tls\/mail\) was given it, but does not serve the new certificate/)
  assert.deepEqual([endpoint.shown(), await issuer.live(name)], [before, before])
  assert.equal(versions.length, 5)
  assert.deepEqual(versions[4], versions[2], 'the former content is the newest version')
  endpoint.setStuck(false)
  good(await issuer.run('apply', '--only', name))
  await isShown()
  assert.notEqual(endpoint.shown(), before)

  // Somebody else writes between the look and the write.
  const kept = endpoint.shown()
  service.setFault(({ method }) => {
    if (method === 'POST' && versions.length === 6) versions.push({ ...versions[5], note: 'newer' })
    return undefined
  })
  const raced = await issuer.run('renew', '--force', name)
  bad(raced, /cannot write secret\/tls\/mail: answer 400: check-and-set/, /somebody else wrote this secret/)
  assert.deepEqual([endpoint.shown(), await issuer.live(name)], [kept, kept])
  good(await issuer.run('apply', '--only', name))
  await isShown()
  assert.equal(versions.at(-1)?.['note'], 'newer')
  assert.ok(!words(raced).includes('s.geheim'))
})
