/** `certwright tls snippet`, as people and configuration management run it. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hardenedServers } from '../../src/harden/servers.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { runCli } from '../support/cli.ts'
import { requireProgram, runProgram } from '../support/programs.ts'
import { storeCertificates } from '../support/stored-state.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const other = ['--server-version', '1.28.0', '--openssl-version', '3.5.1']

test('settings for another machine do not depend on this one', async () => {
  const { exitCode, stdout, stderr } = await runCli(['tls', 'snippet', 'nginx', ...other])
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
  assert.match(stdout, /^# TLS settings of nginx 1\.28\.0 with OpenSSL 3\.5\.1: profile intermediate /)
  assert.match(stdout, /^ssl_ecdh_curve X25519MLKEM768:X25519:/m)
  assert.match(
    stdout,
    /^# Made by: certwright tls snippet nginx --profile intermediate --server-version 1\.28\.0 /m,
  )
})

test('the old profile warns on stderr and in the text', async () => {
  const { exitCode, stdout, stderr } = await runCli(['tls', 'snippet', 'nginx', '--profile', 'old', ...other])
  assert.equal(exitCode, 0)
  assert.match(stderr, /^warning: profile old brings TLS 1\.0/)
  assert.match(stdout, /^# WARNING: profile old brings TLS 1\.0/m)
})

test('--explain says why, --hsts goes step by step', async () => {
  const { stdout } = await runCli(['tls', 'snippet', 'nginx', '--explain', '--hsts', '1mo', ...other])
  assert.match(stdout, /^# TLS 1\.0 and 1\.1 lean on .*\n# Cost: .*\n(# .*\n)*ssl_protocols /m)
  assert.match(stdout, /Go\s(# )?on with\s(# )?--hsts 2y/)
  assert.match(stdout, /^add_header Strict-Transport-Security "max-age=2592000" always;$/m)
})

test('--output writes once, --check tells what is stale', async () => {
  await using temporary = await tempDirectory()
  const file = join(temporary.path, 'tls.conf')
  const run = async (...args: readonly string[]) => {
    const { exitCode, stdout } = await runCli([
      'tls',
      'snippet',
      'nginx',
      ...other,
      '--output',
      file,
      ...args,
    ])
    return { exitCode, stdout: stdout.replaceAll(file, 'FILE') }
  }
  assert.deepEqual(await run('--check'), {
    exitCode: 1,
    stdout: 'there is no FILE; leave --check away to write it\n',
  })
  assert.deepEqual(await run(), { exitCode: 0, stdout: 'wrote FILE; now: nginx -t && nginx -s reload\n' })
  assert.match(await readFile(file, 'utf8'), /^ssl_protocols TLSv1\.2 TLSv1\.3;$/m)
  for (const args of [['--check'], []]) {
    assert.deepEqual(await run(...args), { exitCode: 0, stdout: 'FILE is as it should be\n' })
  }
  const stale = (await readFile(file, 'utf8')).replace('TLSv1.2', 'TLSv1.1')
  await writeFile(file, stale)
  assert.deepEqual(await run('--check'), {
    exitCode: 1,
    stdout: 'FILE is not what would be written; leave --check away to write it\n',
  })
  assert.equal(await readFile(file, 'utf8'), stale)
  assert.equal((await run()).exitCode, 0)
  assert.equal((await run('--check')).exitCode, 0)
})

test('--output leaves a file alone that it has not written', async () => {
  await using temporary = await tempDirectory()
  const file = join(temporary.path, 'main.cf')
  await writeFile(file, 'myhostname = mail.example.com\n')
  const args = ['tls', 'snippet', 'postfix', '--server-version', '3.10.5', '--output', file]
  const { exitCode, stderr } = await runCli(args)
  assert.equal(exitCode, 2)
  assert.match(
    stderr,
    /is there and was not written by tls snippet\nhint: .* add it to \/etc\/postfix\/main\.cf by hand/,
  )
  assert.equal(await readFile(file, 'utf8'), 'myhostname = mail.example.com\n')
})

test('--for staples for a certificate that names an OCSP responder, and for no other', async () => {
  await using temporary = await tempDirectory()
  await storeCertificates(temporary.path, ['shop.example'], nodeRuntime().clock.now())
  const stapling = async () => {
    const args = ['--state', temporary.path, 'tls', 'snippet', 'nginx', '--for', 'shop.example', ...other]
    return /^ssl_stapling on;$/m.test((await runCli(args)).stdout)
  }
  assert.equal(await stapling(), false)
  const { stdout } = await runProgram(requireProgram('openssl'), [
    ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=shop.example', '-keyout', '/dev/null'],
    ...['-addext', 'authorityInfoAccess=OCSP;URI:http://ocsp.example/'],
  ])
  await writeFile(join(temporary.path, 'live', 'shop.example', 'cert.pem'), stdout)
  assert.equal(await stapling(), true)
})

for (const { name, args, says } of [
  { name: '--webroot alone', args: ['nginx', '--webroot', '/srv'], says: /--webroot goes with --challenge/ },
  { name: '--check alone', args: ['nginx', '--check'], says: /--check goes with --output/ },
  {
    name: 'a certificate that is not there',
    args: ['nginx', '--for', 'x.example'],
    says: /no certificate "x\.example"/,
  },
  {
    name: 'challenges for a server without a snippet',
    args: ['haproxy', '--challenge'],
    says: /no challenge snippet for "haproxy"/,
  },
  {
    name: 'two libraries',
    args: ['nginx', '--openssl-version', '3.5', '--gnutls-version', '3.7'],
    says: /cannot be used with/,
  },
]) {
  test(`refused: ${name}`, async () => {
    await using temporary = await tempDirectory()
    const { exitCode, stderr } = await runCli(['--state', temporary.path, 'tls', 'snippet', ...args])
    assert.ok(exitCode !== 0)
    assert.match(stderr, says)
    assert.match(stderr, /^hint: /m)
  })
}

test('the guide has an example of every server', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/tls-settings.md'), 'utf8')
  const missing = hardenedServers.filter(({ name }) => !guide.includes(`<!-- tls snippet: ${name} `))
  assert.deepEqual(missing, [])
})
