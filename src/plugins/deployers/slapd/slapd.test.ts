import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { SlapdOptions } from '../../../contracts/server-target.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { listenersOf, parseConfigEntry, parseConfigFile, touchLdif } from './configuration.ts'
import { createSlapdDeployer } from './slapd.ts'

const signal = AbortSignal.timeout(60_000)

const listenerCases: readonly {
  readonly commandLine: string
  readonly expected: readonly (readonly [host: string, port: number, how: string])[]
}[] = [
  { commandLine: 'slapd -u openldap', expected: [['127.0.0.1', 389, 'ldap']] },
  { commandLine: 'slapd -h ldapi:///', expected: [] },
  {
    commandLine: 'slapd -h ldap:/// ldapi:/// ldaps:/// -g openldap',
    expected: [
      ['127.0.0.1', 389, 'ldap'],
      ['127.0.0.1', 636, 'tls'],
    ],
  },
  {
    commandLine: 'slapd -h "ldap://192.0.2.1:1389/ ldaps://[2001:db8::1]"',
    expected: [
      ['192.0.2.1', 1389, 'ldap'],
      ['2001:db8::1', 636, 'tls'],
    ],
  },
  { commandLine: 'slapd -h pldaps://[::]:6360', expected: [['::1', 6360, 'tls by proxy']] },
]

for (const { commandLine, expected } of listenerCases) {
  test(`listeners of ${commandLine}`, () => {
    const shown = listenersOf(commandLine).map(({ host, port, startTls = 'tls', proxyProtocol }) => [
      host,
      port,
      proxyProtocol === true ? `${startTls} by proxy` : startTls,
    ])
    assert.deepEqual(shown, expected)
  })
}

test('the entry cn=config', () => {
  const ldif =
    'dn: cn=config\nolcPidFile: /run/p\nolcTLSCertificateFile:: L8OkLnBlbQ==\nolcTLSCertificateKeyFile: /k.pem\nolcTLSVerifyClient: never\n'
  assert.deepEqual(parseConfigEntry(ldif), {
    pidFile: '/run/p',
    certificateFile: '/ä.pem',
    keyFile: '/k.pem',
  })
})

test('slapd.conf', () => {
  const text =
    '# TLSCertificateFile /no\ntlscertificatefile  "/with space.pem"\nTLSCertificateKeyFile\t/k.pem\nargsfile /a\nsuffix "dc=x"\n'
  assert.deepEqual(parseConfigFile(text), {
    certificateFile: '/with space.pem',
    keyFile: '/k.pem',
    argumentsFile: '/a',
  })
})

test('both settings are set in one change', () => {
  const ldif = touchLdif({ certificateFile: '/c', keyFile: '/k' })
  assert.equal(ldif.match(/^changetype: modify$/gm)?.length, 1)
  assert.deepEqual(ldif.match(/^olc.*$/gm), [
    `olcTLSCertificateKeyFile:: ${btoa('/k')}`,
    `olcTLSCertificateFile:: ${btoa('/c')}`,
  ])
})

const certificate: DeployableCertificate = {
  name: 'site',
  identifiers: [parseIdentifier('ldap.example')],
  liveDirectory: '/cw/live/site',
  fingerprint: '00'.repeat(32),
}
const entry =
  'dn: cn=config\nolcPidFile: /run/pid\nolcTLSCertificateFile: /c.pem\nolcTLSCertificateKeyFile: /k.pem\n'

/** A slapd with that entry; its programs answer as they are told. */
async function slapdWith({
  options = {},
  isRunning = true,
  access = 'dn: cn=config\n',
  test: slaptest = { exitCode: 0, stderr: '' },
}: {
  readonly options?: SlapdOptions
  readonly isRunning?: boolean
  readonly access?: string
  readonly test?: { readonly exitCode: number; readonly stderr: string }
}) {
  const commands: string[] = []
  const runtime = fakeRuntime({
    exec: async (program: string, args: readonly string[]) => {
      commands.push([program, ...args].join(' '))
      const good = { exitCode: 0, stdout: '', stderr: '' }
      if (program.endsWith('slaptest')) return { ...good, ...slaptest }
      if (program.endsWith('slapcat')) return { ...good, stdout: entry }
      return { ...good, stdout: access }
    },
  })
  await runtime.files.makeDirectory('/etc/ldap/slapd.d', 0o755)
  await runtime.files.makeDirectory('/proc/self', 0o755)
  await runtime.files.makeDirectory('/proc/7', 0o755)
  await runtime.files.makeDirectory('/run', 0o755)
  await runtime.files.replace('/run/pid', '7\n', 0o644)
  await runtime.files.replace('/proc/self/cmdline', 'node', 0o644)
  if (isRunning) await runtime.files.replace('/proc/7/cmdline', '/usr/sbin/slapd\0-h', 0o644)
  return { deployer: createSlapdDeployer(options, runtime), commands }
}

test('a slapd that runs and waits for its files', async () => {
  const { deployer, commands } = await slapdWith({ options: { socket: '/run/x', program: '/opt/slapd' } })
  const inspection = await deployer.inspect(certificate, { signal })
  assert.equal(inspection.state, 'ready')
  assert.deepEqual(commands, [
    '/opt/slaptest -u -F /etc/ldap/slapd.d',
    '/opt/slapcat -n 0 -F /etc/ldap/slapd.d -o ldif-wrap=no -a (objectClass=olcGlobal)',
    'ldapsearch -Q -Y EXTERNAL -H ldapi://%2Frun%2Fx/ -LLL -b cn=config -s base 1.1',
  ])
})

const failures = [
  {
    name: 'a configuration that is nowhere',
    given: { options: { config: '/nowhere' } },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /is not at \/nowhere/,
  },
  {
    name: 'a configuration that it does not accept',
    given: { test: { exitCode: 1, stderr: 'bad configuration directory!' } },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /bad configuration directory/,
  },
  {
    name: 'a process that is gone',
    given: { isRunning: false },
    code: 'ERR_DEPLOY',
    message: /slapd is not running: .*7/,
  },
  {
    name: 'a configuration that root may not see',
    given: { access: '' },
    code: 'ERR_DEPLOY_BROKEN_BEFORE',
    message: /cannot change cn=config of slapd: it shows nothing/,
  },
] as const

for (const { name, given, code, message } of failures) {
  test(name, async () => {
    const { deployer } = await slapdWith(given)
    const inspection = await deployer.inspect(certificate, { signal })
    if (inspection.state === 'ready') assert.fail('it is ready')
    assert.equal(inspection.error.code, code)
    assert.match(inspection.error.message, message)
  })
}

test('nothing is changed where the files are not good, because TLS would be gone', async () => {
  const { deployer, commands } = await slapdWith({})
  await assert.rejects(deployer.activate({ signal }), { code: 'ERR_DEPLOY', message: /would serve no TLS/ })
  assert.ok(!commands.some(command => command.startsWith('ldapmodify')))
})
