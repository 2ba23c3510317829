import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { type ServerBenchOptions, serverBench } from '../../../testing/server-bench.ts'
import { parseConfig, parseListeners } from './listeners.ts'
import { createRabbitmqDeployer } from './rabbitmq.ts'

const printed = `[{'mqtt/ssl',"127.0.0.1",21676,"/tls/c.pem",
             "/tls/k.pem"},
 {https,"::",15671,"/tls/with \\"quotes\\" and a name that is "
                   "long.pem",undefined}]
`

describe('listeners of RabbitMQ', () => {
  it('are read as they are printed', () =>
    assert.deepEqual(parseListeners(printed), [
      {
        certificateFile: '/tls/c.pem',
        keyFile: '/tls/k.pem',
        source: 'listener mqtt/ssl',
        endpoints: [{ host: '127.0.0.1', port: 21_676 }],
      },
      {
        certificateFile: '/tls/with "quotes" and a name that is long.pem',
        keyFile: '/tls/with "quotes" and a name that is long.pem',
        source: 'listener https',
        endpoints: [{ host: '::1', port: 15_671 }],
      },
    ]))

  it('are none', () => assert.deepEqual(parseListeners('[]\n'), []))

  it('are read from the file', () => {
    const text = [
      '# ssl_options.certfile = /no.pem',
      'listeners.ssl.default = 5671',
      'ssl_options.certfile = /a/c.pem',
      'ssl_options.keyfile=/a/k.pem',
      "management.ssl.certfile = '/b/c.pem'",
      'web_mqtt.ssl.keyfile = /c/k.pem',
    ].join('\n')
    assert.deepEqual(
      parseConfig(text, 'f').map(({ certificateFile, keyFile, source }) => [
        certificateFile,
        keyFile,
        source,
      ]),
      [
        ['/a/c.pem', '/a/k.pem', 'ssl_options.certfile in f'],
        ['/b/c.pem', '/b/c.pem', 'management.ssl.certfile in f'],
      ],
    )
  })
})

describe('RabbitMQ', () => {
  const rabbitmq = (options: ServerOptions, bench: ServerBenchOptions) =>
    serverBench(runtime => createRabbitmqDeployer(options, runtime), bench)
  const refusal = (...findings: readonly string[]) => ({
    exitCode: 69,
    stderr: `Error: unable to perform an operation\n\nMost common reasons:\n\n * Target node is unreachable\n\nDIAGNOSTICS\n===========\n\nrabbit@vm:\n${findings.map(line => `  * ${line}\n`).join('')}  * suggestion: see the guides\n`,
  })

  it('is asked by one expression without quotes', async () => {
    const bench = await rabbitmq(
      {},
      {
        answer: () => ({
          stdout: `[{'amqp/ssl',"::",5671,"/c.pem","/k.pem"},{https,"::",15671,"/c.pem","/k.pem"}]\n`,
        }),
      },
    )
    assert.equal(await bench.inspect(), 'ready tls://::1:5671 tls://::1:15671')
    assert.match(bench.calls[0]?.line ?? '', /^rabbitmqctl -q eval [^"'`$\\]+\.$/)
    await bench.activate()
    assert.equal(bench.calls.at(-1)?.line, 'rabbitmqctl -q eval ssl:clear_pem_cache().')
  })

  it('without TLS is not used', async () => {
    const bench = await rabbitmq({}, { answer: () => ({ stdout: '[]\n' }) })
    assert.match(await bench.inspect(), /^unused ERR_DEPLOY_UNUSED: .*no listener with TLS/)
  })

  it('that was started before its file had TLS is given the files for the restart', async () => {
    const files = {
      '/etc/rabbitmq/rabbitmq.conf': 'ssl_options.certfile = /c.pem\nssl_options.keyfile = /k.pem\n',
    }
    const bench = await rabbitmq({}, { answer: () => ({ stdout: '[]\n' }), files })
    assert.match(
      await bench.inspect(),
      /^not-running .*before its configuration had TLS.*systemctl restart rabbitmq-server/,
    )
  })

  it('that refuses is told why, in short', async () => {
    const found = [
      'connected to epmd (port 4369) on vm',
      'TCP connection succeeded but Erlang distribution failed',
    ]
    const bench = await rabbitmq({}, { answer: () => refusal(...found) })
    assert.match(
      await bench.inspect(),
      /^broken ERR_DEPLOY_BROKEN_BEFORE: RabbitMQ refuses to be asked: connected to epmd [^;]*; TCP connection [^;]* failed \(run this as root/,
    )
    await assert.rejects(bench.activate(), { code: 'ERR_DEPLOY', hint: /Erlang cookie/ })
  })

  it('that does not run is given what its file names', async () => {
    const bench = await rabbitmq(
      { config: '/r.conf' },
      {
        answer: () =>
          refusal('connected to epmd (port 4369) on vm', "epmd reports: node 'rabbit' not running at all"),
        files: {
          '/r.conf': 'ssl_options.certfile = /tls/c.pem\nssl_options.keyfile = /tls/k.pem\n',
          '/tls/x': '',
        },
      },
    )
    assert.match(await bench.inspect(), /^not-running ERR_DEPLOY: .*not running at all \(start it/)
    assert.deepEqual(await bench.prepare(), ['/tls/c.pem 644 15:15 CI', '/tls/k.pem 600 15:15 K'])
  })
})
