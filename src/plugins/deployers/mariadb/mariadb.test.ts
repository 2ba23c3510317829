import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import { serverBench } from '../../../testing/server-bench.ts'
import { createMariadbDeployer, createMysqlDeployer } from './mariadb.ts'
import { mariadbPlace, parseHelp, parseRows } from './variables.ts'

const help = `mariadbd  Ver 10.11
  --ssl-cert=name     X509 cert in PEM format

Variables (--variable-name=value)
and boolean options {FALSE|TRUE}                    Value (after reading options)
--------------------------------------------------- -------------
bind-address                                        192.0.2.1
datadir                                             /data/
ssl-ca                                              (No default value)
ssl-cert                                            tls/my cert.pem
ssl-key                                             /k.pem
`
const rows =
  'bind_address\t*\ndatadir\t/data/\nport\t3307\nssl_cert\tc.pem\nssl_key\t/k.pem\nversion\t11.4-MariaDB\n'
const down = { exitCode: 1, stderr: "ERROR 2002 (HY000): Can't connect to local server (2)\n" }

it('reads what the program prints of its files', () => {
  const variables = parseHelp(help)
  assert.deepEqual([variables.get('ssl_ca'), variables.get('port')], ['', undefined])
  assert.deepEqual(mariadbPlace(variables, { source: 'here' }), {
    certificateFile: '/data/tls/my cert.pem',
    keyFile: '/k.pem',
    source: 'here',
    endpoints: [{ host: '192.0.2.1', port: 3306, startTls: 'mysql' }],
  })
})

describe('addresses', () => {
  const cases = [
    ['', ['127.0.0.1']],
    ['::', ['::1']],
    ['192.0.2.1, ::1', ['192.0.2.1', '::1']],
  ] as const
  for (const [address, hosts] of cases)
    it(address || 'none', () => {
      const place = mariadbPlace(parseRows(`${rows}bind_address\t${address}\n`), { source: '' })
      assert.deepEqual(
        place?.endpoints.map(({ host }) => host),
        hosts,
      )
    })
  it('not where it has no network', () =>
    assert.deepEqual(mariadbPlace(parseRows(`${rows}skip_networking\tON\n`), { source: '' })?.endpoints, []))
})

describe('MariaDB and MySQL', () => {
  const answers = (line: string) => (line.includes('--help') ? { stdout: help } : { stdout: rows })
  const mariadb = (
    options: ClientOptions = {},
    answer: Parameters<typeof serverBench>[1] = { answer: answers },
  ) => serverBench(runtime => createMariadbDeployer(options, runtime), answer)

  it('is asked with the password in the environment', async () => {
    const bench = await serverBench(
      runtime =>
        createMariadbDeployer({ host: 'db', port: 3307, user: 'u', password: { env: 'P' } }, runtime),
      { answer: answers, variables: { P: 'pass word' } },
    )
    assert.equal(await bench.inspect(), 'ready mysql://127.0.0.1:3307')
    const { line, options } = bench.calls.at(-1) ?? {}
    assert.match(
      line ?? '',
      /^mariadb --batch .*--host=db --protocol=tcp --port=3307 --user=u --execute=SHOW/,
    )
    assert.doesNotMatch(line ?? '', /pass word/)
    assert.equal(options?.env?.['MYSQL_PWD'], 'pass word')
  })

  it('reads its files again, replicas do not', async () => {
    const bench = await mariadb()
    await bench.activate()
    assert.match(bench.calls.at(-1)?.line ?? '', /=FLUSH LOCAL SSL$/)
  })

  it('is asked at the socket that its files name', async () => {
    const answer = (line: string) => ({
      stdout: line.includes('--help') ? `${help}socket   /run/own.sock\n` : rows,
    })
    const bench = await mariadb({}, { answer })
    await bench.activate()
    assert.match(bench.calls.at(-1)?.line ?? '', / --socket=\/run\/own.sock .*FLUSH/)
  })

  it('is told in the words of MySQL where it is that', async () => {
    const bench = await serverBench(runtime => createMysqlDeployer({}, runtime), {
      answer: () => ({ stdout: 'version\t8.4.2\n' }),
    })
    await bench.activate()
    assert.match(bench.calls.at(-1)?.line ?? '', /^mysql .*=ALTER INSTANCE RELOAD TLS$/)
  })

  it('that has no certificate is not used', async () => {
    const bench = await mariadb({}, { answer: () => ({ stdout: 'version\t11-MariaDB\nssl_cert\t\n' }) })
    assert.match(await bench.inspect(), /^unused ERR_DEPLOY_UNUSED: .*no certificate \(set ssl_cert/)
  })

  it('that was started before its files had TLS is given the files for the restart', async () => {
    const answer = (line: string) => ({
      stdout: line.includes('--help') ? help : 'version\t11-MariaDB\nssl_cert\t\n',
    })
    const bench = await mariadb({}, { answer })
    assert.match(
      await bench.inspect(),
      /^not-running .*before its configuration had TLS.*systemctl restart mariadb/,
    )
  })

  it('that refuses is told which right is missing', async () => {
    const stderr =
      "--------------\nX\n--------------\n\nERROR 1698 (28000): Access denied for user 'o'@'localhost'\n"
    const answer = (line: string) => (line.includes('--help') ? { stdout: help } : { exitCode: 1, stderr })
    const bench = await mariadb({}, { answer })
    await assert.rejects(bench.activate(), {
      message: "MariaDB refuses: ERROR 1698 (28000): Access denied for user 'o'@'localhost'",
      hint: /CREATE USER 'certwright'@'localhost' IDENTIFIED VIA unix_socket; GRANT RELOAD/,
    })
  })

  it('that does not like the files says so', async () => {
    const answer = (line: string) =>
      line.includes('FLUSH')
        ? { exitCode: 1, stderr: 'ERROR 1105 (HY000) at line 1: Failed\n' }
        : answers(line)
    const bench = await mariadb({}, { answer })
    await assert.rejects(bench.activate(), {
      code: 'ERR_DEPLOY',
      message: /1105.*Failed$/,
      hint: /read certificate and key/,
    })
  })

  it('that does not run is given what its files name', async () => {
    const answer = (line: string) => (line.includes('--help') ? { stdout: help } : down)
    const bench = await mariadb({ config: '/my.cnf' }, { answer, files: { '/data/tls/x': '' } })
    assert.match(await bench.inspect(), /^not-running .*ERROR 2002.*systemctl start mariadb/)
    assert.equal(bench.calls[0]?.line, 'mariadbd --defaults-file=/my.cnf --verbose --help')
    assert.deepEqual(await bench.prepare(), ['/data/tls/my cert.pem 644 12:12 CI', '/k.pem 600 12:12 K'])
  })

  it('whose files are broken is left alone', async () => {
    const bench = await mariadb({}, { answer: () => ({ exitCode: 7, stderr: "unknown variable 'x=1'" }) })
    assert.match(await bench.inspect(), /^broken ERR_DEPLOY_BROKEN_BEFORE: .*unknown variable 'x=1'/)
  })
})
