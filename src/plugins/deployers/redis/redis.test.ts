import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClientOptions } from '../../../contracts/client-target.ts'
import { type ServerBenchOptions, serverBench } from '../../../testing/server-bench.ts'
import { createRedisDeployer, createValkeyDeployer } from './redis.ts'
import { parseAnswers, parseConfig, redisPlace } from './settings.ts'

const answers =
  'bind\n127.0.0.1 -::1\ndir\n/data\ntls-cert-file\nc.pem\ntls-key-file\n/k.pem\ntls-port\n6380\n'

describe('settings of Redis', () => {
  it('are read as they are told', () => {
    assert.deepEqual(
      [...parseAnswers('bind\n\n\ndir\n/data\nNOPERM dir\ntls-port\n1\n')],
      [
        ['bind', ''],
        ['dir', '/data'],
        ['tls-port', '1'],
      ],
    )
  })

  it('are read from its file', () => {
    const text =
      '# a b\nbind 127.0.0.1 ::1 \n TLS-Port 6380\ndir "/my \\"data"\nsave \'\'\ninclude /x\nnothing\n'
    assert.deepEqual(parseConfig(text), [
      ['bind', '127.0.0.1 ::1'],
      ['tls-port', '6380'],
      ['dir', '/my "data'],
      ['save', ''],
      ['include', '/x'],
    ])
  })

  const addresses = [
    ['127.0.0.1 -::1', ['127.0.0.1']],
    ['* -::*', ['127.0.0.1']],
    ['-::1', ['::1']],
    ['', ['127.0.0.1']],
    ['192.0.2.1 ::1', ['192.0.2.1', '::1']],
  ] as const
  for (const [bind, hosts] of addresses)
    it(`bind ${bind || 'nothing'}`, () => {
      const place = redisPlace(parseAnswers(answers.replace('127.0.0.1 -::1', bind)), { source: 'here' })
      assert.deepEqual(
        place?.endpoints,
        hosts.map(host => ({ host, port: 6380 })),
      )
      assert.deepEqual([place?.certificateFile, place?.keyFile], ['/data/c.pem', '/k.pem'])
    })
})

describe('Redis and Valkey', () => {
  const redis = (options: ClientOptions, bench: ServerBenchOptions) =>
    serverBench(runtime => createRedisDeployer(options, runtime), bench)

  it('is asked with the password in the environment', async () => {
    const bench = await redis(
      { socket: '/s.sock', user: 'admin', password: { env: 'P' } },
      { answer: () => ({ stdout: answers }), variables: { P: 'pass word' } },
    )
    assert.equal(await bench.inspect(), 'ready tls://127.0.0.1:6380')
    const [{ line, options } = {}] = bench.calls
    assert.equal(line, 'redis-cli -s /s.sock --user admin')
    assert.equal(options?.env?.['REDISCLI_AUTH'], 'pass word')
    assert.match(String(options?.input), /^CONFIG GET bind\n/)
  })

  it('is set to what it has', async () => {
    const answer = (line: string) => ({ stdout: line.includes('SET') ? 'OK\n' : answers })
    const bench = await serverBench(runtime => createValkeyDeployer({ port: 7000 }, runtime), { answer })
    await bench.activate()
    assert.equal(bench.calls.at(-1)?.line, 'valkey-cli -p 7000 CONFIG SET tls-cert-file c.pem')
  })

  it('says when it does not take the files', async () => {
    const stdout = 'ERR CONFIG SET failed - Unable to update TLS configuration. Check server logs.\n\n'
    const bench = await redis({}, { answer: line => ({ stdout: line.includes('SET') ? stdout : answers }) })
    await assert.rejects(bench.activate(), {
      code: 'ERR_DEPLOY',
      message: /Unable to update TLS/,
      hint: /owner, group/,
    })
  })

  const refusals = [
    ['NOAUTH Authentication required.', /password: { file: PATH }/],
    [
      "NOPERM User x has no permissions to run the 'config|get' command",
      /ACL SETUSER x \+config\|get \+config\|set/,
    ],
    ["ERR unknown command 'CONFIG'", /CONFIG GET tls-port/],
  ] as const
  for (const [said, hint] of refusals)
    it(said, async () => {
      const bench = await redis({ user: 'x' }, { answer: () => ({ stdout: `${said}\n\n`.repeat(5) }) })
      const found = await bench.inspect()
      assert.ok(
        found.startsWith(`broken ERR_DEPLOY_BROKEN_BEFORE: Redis refuses to be asked: ${said}`),
        found,
      )
      assert.match(found, hint)
    })

  it('without TLS is not used', async () => {
    const bench = await redis({}, { answer: () => ({ stdout: answers.replace('6380', '0') }) })
    assert.match(
      await bench.inspect(),
      /^unused ERR_DEPLOY_UNUSED: Redis has TLS switched off \(set tls-port/,
    )
  })

  it('that was started before its file had TLS is given the files for the restart', async () => {
    const text = 'tls-port 6380\ntls-cert-file /tls/c.pem\ntls-key-file /tls/k.pem\n'
    const answer = () => ({ stdout: answers.replace('6380', '0') })
    const bench = await redis({}, { answer, files: { '/etc/redis/redis.conf': text, '/tls/x': '' } })
    assert.match(
      await bench.inspect(),
      /^not-running .*before its configuration had TLS.*systemctl restart redis/,
    )
    assert.equal((await bench.prepare()).length, 2)
  })

  const down = { exitCode: 1, stderr: 'Could not connect to Redis at 127.0.0.1:6379: Connection refused\n' }

  it('that does not run is given what its file names', async () => {
    const text = 'tls-port 6380\ntls-cert-file /tls/c.pem\ntls-key-file /tls/k.pem\n'
    const bench = await redis(
      {},
      { answer: () => down, files: { '/etc/redis/redis.conf': text, '/tls/x': '' } },
    )
    assert.match(await bench.inspect(), /^not-running ERR_DEPLOY: .*refused.*systemctl start redis/)
    assert.deepEqual(await bench.prepare(), ['/tls/c.pem 644 13:13 CI', '/tls/k.pem 600 13:13 K'])
    await assert.rejects(bench.activate(), { code: 'ERR_DEPLOY' })
  })

  it('that does not run and whose file is unknown is not guessed at', async () => {
    assert.match(await (await redis({}, { answer: () => down })).inspect(), /^broken .*socket: PATH/)
  })
})
