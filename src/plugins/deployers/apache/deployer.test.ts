import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import type { ProcessSignal } from '../../../runtime/send-signal.ts'
import { fakeExec } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { createApacheDeployer } from './apache.ts'

const authority = await testAuthority(instant(Date.UTC(2026, 10, 1)))
const [a, b] = [
  await authority.issue([parseIdentifier('a.test')]),
  await authority.issue([parseIdentifier('b.test')]),
]
const signal = AbortSignal.timeout(60_000)
const main = '/etc/apache2/apache2.conf'
const host = (name: string) => `<VirtualHost *:443>
ServerName ${name}.test
SSLEngine on
SSLCertificateFile /c/${name}.pem
SSLCertificateKeyFile /c/${name}.key
</VirtualHost>`

/** An httpd with two hosts; its own test is content with every key. */
function apacheWith(files: Readonly<Record<string, string>>) {
  const sent: ProcessSignal[] = []
  const contents = new Map(
    Object.entries({
      [main]: `Listen 443\n${host('a')}\n${host('b')}\n`,
      '/c/a.pem': a.cert,
      '/c/a.key': a.key,
      '/c/b.pem': b.cert,
      '/c/b.key': b.key,
      '/run/a.pid': '7',
      '/proc/self/cmdline': '',
      '/proc/7/cmdline': '/usr/sbin/apache2\0-k\0start',
      ...files,
    }),
  )
  const memory = fakeRuntime().files
  const facts = { mode: 0o644, uid: 0, gid: 0, size: 0, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 }
  const runtime = fakeRuntime({
    exec: fakeExec({
      apache2ctl: () =>
        `Included configuration files:\n  (*) ${main}\nServerRoot: "/etc/apache2"\nPidFile: "/run/a.pid"\n`,
    }),
    sendSignal: (_pid: number, name: ProcessSignal) => void sent.push(name),
    files: {
      ...memory,
      facts: async (path: string) => (contents.has(path) ? { kind: 'file' as const, ...facts } : undefined),
      read: async (path: string) => {
        const text = contents.get(path)
        return text === undefined ? undefined : new TextEncoder().encode(text)
      },
    },
  })
  return { sent, deployer: createApacheDeployer({}, runtime) }
}

const certificate = {
  name: 'a',
  identifiers: [parseIdentifier('a.test')],
  liveDirectory: '/cw/live/a',
  fingerprint: '',
}

test('a graceful restart', async () => {
  const { sent, deployer } = apacheWith({})
  const { state } = await deployer.inspect(certificate, { signal })
  assert.equal(state, 'ready')
  await deployer.activate({ signal })
  assert.deepEqual(sent, ['USR1'])
})

test('a wrong key of another host, with which a graceful restart would be the end of the whole server', async () => {
  const { sent, deployer } = apacheWith({ '/c/b.key': a.key })
  const inspection = await deployer.inspect(certificate, { signal })
  assert.equal(inspection.state, 'broken')
  await assert.rejects(deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: /would end when it is reloaded, because of \/c\/b.pem and \/c\/b.key .*does not belong/,
  })
  assert.deepEqual(sent, [])
})

test('a wrong key at the place that is written to does not stand in the way', async () => {
  const { deployer } = apacheWith({ '/c/a.key': b.key })
  assert.equal((await deployer.inspect(certificate, { signal })).state, 'ready')
})

test('one that is not running is not started', async () => {
  const { sent, deployer } = apacheWith({ '/proc/7/cmdline': 'something-else' })
  assert.equal((await deployer.inspect(certificate, { signal })).state, 'not-running')
  await assert.rejects(deployer.activate({ signal }), { code: 'ERR_DEPLOY', message: /not running/ })
  assert.deepEqual(sent, [])
})
