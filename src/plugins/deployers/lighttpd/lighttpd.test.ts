import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { FileFacts } from '../../../runtime/files.ts'
import type { ProcessSignal } from '../../../runtime/send-signal.ts'
import { fakeExec } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { createLighttpdDeployer } from './lighttpd.ts'
import { lighttpdPlaces, parsePrinted } from './places.ts'

const printed = `config {
    server.modules           = ("mod_openssl", "mod_access")
    server.port              = 80
    server.pid-file          = "/run/l.pid"
    ssl.pemfile              = "/c/all.pem"
    ssl.privkey              = "/c/all.key"
    url.access-deny          = (
        "~",
    )

    $SERVER["socket"] == ":443" {
        # block 1
        ssl.engine = "enable"
        $HTTP["host"] == "A.test" {
            # block 2
            ssl.pemfile = "/c/a.pem"

        } # end of $HTTP["host"] == "A.test"
    } # end of $SERVER["socket"] == ":443"

    $SERVER["socket"] == "[::1]:8443" {
        # block 3
        ssl.engine = "enable"
        ssl.pemfile = "/c/own.pem"
    } # end of $SERVER["socket"] == "[::1]:8443"

    $HTTP["host"] =$ ".b.test" {
        # block 4
        ssl.pemfile = "/c/b.pem"
    } # end of $HTTP["host"] =$ ".b.test"
    else $HTTP["host"] =~ "^c" {
        # block 5
        ssl.pemfile = "/c/c.pem"
    } # end of $HTTP["host"] =~ "^c"
}`

test('the certificates of sockets, and those for names', () => {
  const found = lighttpdPlaces(parsePrinted(printed), '/l.conf').map(
    ({ certificateFile, keyFile, names, endpoints }) => [
      certificateFile,
      keyFile,
      names,
      endpoints.map(({ host, port }) => `${host}:${port}`).join(' '),
    ],
  )
  const both = '127.0.0.1:443 ::1:8443'
  assert.deepEqual(found, [
    ['/c/all.pem', '/c/all.key', undefined, '127.0.0.1:443'],
    ['/c/a.pem', '/c/a.pem', ['a.test'], '127.0.0.1:443'],
    ['/c/own.pem', '/c/own.pem', undefined, '::1:8443'],
    ['/c/b.pem', '/c/b.pem', ['*.b.test'], both],
    ['/c/c.pem', '/c/c.pem', undefined, both],
  ])
})

for (const [name, { cmdline, mode, uid }, told] of [
  [
    'as a user that may read the files: a signal',
    { cmdline: '-D\0-f\0/l.conf', mode: 0o644, uid: 0 },
    'USR1',
  ],
  ['as a user that may not: a restart', { cmdline: '-D\0-f\0/l.conf', mode: 0o600, uid: 0 }, 'restart'],
  ['with a relative path: a restart', { cmdline: '-D\0-f\0l.conf', mode: 0o644, uid: 0 }, 'restart'],
] as const)
  test(`a process that runs ${name}`, async () => {
    const said: string[] = []
    const memory = fakeRuntime().files
    const contents = new Map([
      ['/run/l.pid', '7'],
      ['/proc/7/cmdline', `lighttpd\0${cmdline}`],
      ['/proc/self/cmdline', ''],
    ])
    const facts = { size: 0, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 }
    const runtime = fakeRuntime({
      exec: fakeExec({
        lighttpd: ([flag]) => (flag === '-p' ? printed : ''),
        '/etc/init.d/lighttpd': ([action = '']) => {
          said.push(action)
          return ''
        },
      }),
      sendSignal: (pid: number, signal: ProcessSignal) =>
        void said.push(pid === 7 ? signal : 'another process'),
      files: {
        ...memory,
        read: async (path: string) => {
          const text = contents.get(path)
          return text === undefined ? undefined : new TextEncoder().encode(text)
        },
        facts: async (path: string): Promise<FileFacts | undefined> => {
          if (path === '/run/systemd/system') return undefined
          if (path === '/proc/7') return { kind: 'directory', mode: 0o555, uid: 33, gid: 33, ...facts }
          const isFile = /\.(pem|key|conf)$/.test(path)
          return { kind: isFile ? 'file' : 'directory', mode: isFile ? mode : 0o755, uid, gid: 0, ...facts }
        },
      },
    })
    const deployer = createLighttpdDeployer({ config: '/l.conf' }, runtime)
    await deployer.activate({ signal: AbortSignal.timeout(10_000) })
    assert.deepEqual(said, [told])
    const certificate = {
      name: 'a',
      identifiers: [parseIdentifier('a.test')],
      liveDirectory: '/cw/live/a',
      fingerprint: '',
    }
    const view = await deployer.inspect(certificate, { signal: AbortSignal.timeout(10_000) })
    assert.equal(view.state, 'ready')
  })
