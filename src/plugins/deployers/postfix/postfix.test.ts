import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { createPostfixDeployer } from './postfix.ts'

const signal = AbortSignal.timeout(60_000)
const certificate: DeployableCertificate = {
  name: 'site',
  identifiers: [parseIdentifier('mail.example')],
  liveDirectory: '/cw/live/site',
  fingerprint: '00'.repeat(32),
}
const usual = `queue_directory = /q
smtpd_tls_security_level = may
smtpd_tls_chain_files = /cw/live/site/combined.pem
`

type Given = {
  readonly main?: string
  readonly files?: Readonly<Record<string, string>>
  readonly check?: { readonly exitCode: number; readonly stderr: string }
  readonly postconf?: { readonly exitCode: number; readonly stderr: string }
  readonly options?: ServerOptions
}

/** A Postfix that prints this configuration and runs as process 7, and the commands that it was given. */
async function postfixWith({ main = usual, files = {}, check, postconf, options = {} }: Given) {
  const commands: string[] = []
  const runtime = fakeRuntime({
    exec: async (program: string, args: readonly string[]) => {
      commands.push([program, ...args].join(' '))
      const isCheck = args.includes('check')
      const stdout = args.includes('-M') ? 'smtp inet n - y - - smtpd\n' : args.includes('-P') ? '' : main
      return { exitCode: 0, stdout, stderr: '', ...(isCheck ? { stdout: '', ...check } : postconf) }
    },
  })
  const all = {
    '/q/pid/master.pid': '       7\n',
    '/proc/self/cmdline': 'node',
    '/proc/7/cmdline': '/usr/lib/postfix/sbin/master\0-w',
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    await runtime.files.makeDirectory(path.slice(0, path.lastIndexOf('/')) || '/', 0o755)
    await runtime.files.replace(path, text, 0o600)
  }
  return { deployer: createPostfixDeployer(options, runtime), commands }
}

test('a Postfix that runs and reads the certificate', async () => {
  const { deployer } = await postfixWith({})
  assert.deepEqual(await deployer.inspect(certificate, { signal }), {
    state: 'ready',
    endpoints: [
      {
        host: '127.0.0.1',
        port: 25,
        startTls: 'smtp',
        serverName: 'mail.example',
        source: 'smtpd_tls_chain_files',
      },
    ],
    notes: [],
  })
})

const failures: readonly (Given & {
  readonly name: string
  readonly code: string
  readonly message: RegExp
})[] = [
  {
    name: 'a configuration that it does not accept',
    check: { exitCode: 1, stderr: 'fatal: line 6: bad field count' },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /bad field count/,
  },
  {
    name: 'a configuration that it does not accept, when it says so in its log alone',
    check: { exitCode: 1, stderr: '' },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /does not accept its present configuration$/,
  },
  {
    name: 'a line that no Postfix understands',
    postconf: { exitCode: 1, stderr: 'postconf: fatal: main.cf, line 18: missing "="\npostconf: end\n' },
    check: { exitCode: 1, stderr: '' },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /configuration: postconf: fatal: main.cf, line 18: missing "=" \/ postconf: end$/,
  },
  {
    name: 'a process that is gone',
    files: { '/q/pid/master.pid': '8\n' },
    code: 'ERR_DEPLOY',
    message: /not running: .*process 8, which is gone/,
  },
  {
    name: 'no TLS anywhere',
    main: usual.replace('= may', '= none'),
    code: 'ERR_DEPLOY_UNUSED',
    message: /no service of Postfix offers TLS/,
  },
  {
    name: 'a key from elsewhere',
    main: usual.replace('/cw/live/site/combined.pem', '/my.key /cw/live/site/fullchain.pem'),
    code: 'ERR_DEPLOY',
    message: /the key from \/my.key/,
  },
]

for (const { name, code, message, ...given } of failures) {
  test(name, async () => {
    const { deployer } = await postfixWith(given)
    const inspection = await deployer.inspect(certificate, { signal })
    if (inspection.state === 'ready') assert.fail('it is ready')
    assert.equal(inspection.error.code, code)
    assert.match(inspection.error.message, message)
  })
}

test('another instance, and programs that lie elsewhere', async () => {
  const { deployer, commands } = await postfixWith({
    options: { config: '/etc/out', program: '/opt/postfix/sbin/postfix' },
  })
  await deployer.activate({ signal })
  assert.ok(commands.includes('/opt/postfix/sbin/postconf -c /etc/out -M'))
  assert.equal(commands.at(-1), '/opt/postfix/sbin/postfix -c /etc/out reload')
})

test('a table in which one line is wrong is not built, and Postfix is not told', async () => {
  const { deployer, commands } = await postfixWith({
    main: `${usual}tls_server_sni_maps = hash:/sni\n`,
    files: { '/sni': 'mail.example /gone.pem\n' },
  })
  await assert.rejects(deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: '/sni, mail.example: /gone.pem is not there',
  })
  assert.deepEqual(
    commands.filter(command => /postmap|reload/.test(command)),
    [],
  )
})
