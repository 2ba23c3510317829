import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import { serverBench } from '../../../testing/server-bench.ts'
import { createPostgresqlDeployer } from './postgresql.ts'

/** A psql that answers the same to everything. */
const bench = (
  options: ClientOptions,
  answer: Partial<ExecResult>,
  files: Readonly<Record<string, string>> = {},
) =>
  serverBench(runtime => createPostgresqlDeployer(options, runtime), {
    answer: () => answer,
    files,
    variables: { SECRET: 'pass word' },
  })

const rows = (...lines: readonly (readonly string[])[]) => ({
  stdout: lines.map(line => `${line.join('\t')}\n`).join(''),
})
const on = [
  ['setting', 'ssl', 'on'],
  ['setting', 'data_directory', '/data'],
] as const

describe('PostgreSQL', () => {
  it('is asked over the socket as the user that it belongs to, without a password on the command line', async () => {
    const { calls, inspect } = await bench(
      { socket: '/run/pg', port: 5433, user: 'admin', password: { env: 'SECRET' } },
      rows(...on),
      { '/run/pg/.s.PGSQL.5433': '' },
    )
    assert.equal(await inspect(), 'ready postgres://localhost:5432')
    const [call] = calls
    assert.deepEqual(call?.options?.user, { uid: 0, gid: 0 })
    assert.equal(call?.options?.env?.['PGPASSWORD'], 'pass word')
    assert.match(call?.line ?? '', /^psql .*-p 5433 -h \/run\/pg -U admin/)
    assert.doesNotMatch(call?.line ?? '', /pass word/)
  })

  it('with TLS switched off is not used', async () => {
    const { inspect } = await bench({}, rows(['setting', 'ssl', 'off']))
    assert.match(await inspect(), /^unused ERR_DEPLOY_UNUSED: .*switched off \(set ssl = on/)
  })

  it('says what is wrong in its files', async () => {
    const { inspect } = await bench({}, rows(...on, ['mistake', '/etc/pg.conf:7 no_such', 'unrecognized']))
    assert.match(
      await inspect(),
      /^broken ERR_DEPLOY_BROKEN_BEFORE: .*\/etc\/pg.conf:7 no_such: unrecognized/,
    )
  })

  it('that refuses is told which rights are missing', async () => {
    const stderr = 'psql: error: FATAL:  role "certwright" does not exist'
    const { inspect } = await bench({ user: 'certwright' }, { exitCode: 2, stderr })
    const said = await inspect()
    assert.match(said, /^broken .*role "certwright" does not exist/)
    assert.match(
      said,
      /CREATE ROLE "certwright" LOGIN; .*GRANT EXECUTE ON FUNCTION .*pg_reload_conf\(\) TO "certwright"/,
    )
  })

  const down = { exitCode: 2, stderr: 'psql: error: connection to server failed: No such file or directory' }

  it('that does not run is given what its files name', async () => {
    const { prepare, inspect } = await bench({}, down, {
      '/etc/postgresql/15/main/postgresql.conf': "data_directory = '/data'\ninclude_dir 'conf.d'\n",
      '/etc/postgresql/15/main/conf.d/tls.conf': "ssl = on\nssl_cert_file = 'tls/c.pem'\n",
      '/data/tls/README': '',
      '/data/postgresql.auto.conf': "ssl_key_file = 'tls/k.pem'\n",
    })
    assert.match(await inspect(), /^not-running ERR_DEPLOY: .*No such file.*systemctl start postgresql/)
    assert.deepEqual(await prepare(), ['/data/tls/c.pem 644 11:11 CI', '/data/tls/k.pem 600 11:11 K'])
  })

  it('that does not run and whose files are unknown is not guessed at', async () => {
    assert.match(await (await bench({}, down)).inspect(), /^broken .*is not running.*socket: DIRECTORY/)
    const { inspect } = await bench({ config: '/none.conf' }, down)
    assert.match(await inspect(), /^broken .*\/none.conf does not exist/)
  })

  it('is not told to read a key that it would not take', async () => {
    const { activate, calls } = await bench({}, rows(...on, ['setting', 'ssl_key_file', '/k.pem']), {
      '/k.pem': 'K',
    })
    await assert.rejects(activate(), {
      code: 'ERR_DEPLOY',
      message: /\/k.pem, of user 0 with mode 0644/,
      hint: /chown postgres \/k.pem && chmod 0600 \/k.pem/,
    })
    assert.ok(!calls.some(({ line }) => line.includes('pg_reload_conf')))
  })
})
