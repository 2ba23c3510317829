import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { type ServerBenchOptions, serverBench } from '../../../testing/server-bench.ts'
import { mosquittoPlaces, parseLines } from './listeners.ts'
import { createMosquittoDeployer } from './mosquitto.ts'

const main = '/etc/mosquitto/mosquitto.conf'
const listener = (line: string, more = '') =>
  `listener ${line}\ncertfile /tls/c.pem\nkeyfile /tls/k.pem\n${more}`

describe('listeners of Mosquitto', () => {
  const cases = [
    { name: 'without certificate', text: 'listener 1883\n', expected: [] },
    { name: 'with one', text: listener('8883'), expected: ['f:1 127.0.0.1:8883 reload'] },
    { name: 'with an address', text: listener('8883 ::1'), expected: ['f:1 ::1:8883 reload'] },
    {
      name: 'of a socket',
      text: listener('0 /run/mosquitto.sock'),
      expected: ['f:1 nowhere reload'],
    },
    {
      name: 'that is there without a line',
      text: '# certfile /no\nbind_address 192.0.2.1\nport 8883\ncertfile /tls/c.pem\nkeyfile /tls/k.pem\n',
      expected: ['f:4 192.0.2.1:8883 reload'],
    },
    {
      name: 'in a row, with websockets',
      text: listener('8883') + listener('9001 127.0.0.1', 'protocol websockets\n'),
      expected: ['f:1 127.0.0.1:8883 reload', 'f:4 127.0.0.1:9001 restart'],
    },
  ]
  for (const { name, text, expected } of cases)
    it(name, () =>
      assert.deepEqual(
        mosquittoPlaces(parseLines(text, 'f')).map(({ source, endpoints: [first], isReadOnce }) => {
          const where = first === undefined ? 'nowhere' : `${first.host}:${first.port}`
          return `${source} ${where} ${isReadOnce ? 'restart' : 'reload'}`
        }),
        expected,
      ),
    )
})

describe('Mosquitto', () => {
  const process = {
    '/run/m.pid': '77\n',
    '/proc/self/cmdline': 'node',
    '/proc/77/cmdline': '/usr/sbin/mosquitto\0-c\0x',
  }
  const unknown = { exitCode: 3, stdout: `Error: Unknown option '--test-config'.\n\nUse 'mosquitto --help'` }
  const signals: string[] = []
  const mosquitto = (options: ServerOptions, bench: ServerBenchOptions) =>
    serverBench(
      runtime =>
        createMosquittoDeployer(options, {
          ...runtime,
          sendSignal: (pid, name) => void signals.push(`${name} ${pid}`),
        }),
      { answer: () => unknown, ...bench },
    )
  const files = {
    [main]: `pid_file /run/m.pid\ninclude_dir /conf.d`,
    '/conf.d/a.conf': listener('8883'),
    '/conf.d/b': 'x',
  }

  it('is found through its directories, and told by a signal', async () => {
    const bench = await mosquitto({}, { files: { ...files, ...process } })
    assert.equal(await bench.inspect(), 'ready tls://127.0.0.1:8883')
    await bench.activate()
    assert.deepEqual(signals.splice(0), ['HUP 77'])
    assert.equal(bench.calls[0]?.line, `mosquitto -c ${main} --test-config`)
  })

  it('with websockets is restarted', async () => {
    const more = { '/conf.d/c.conf': listener('9001', 'protocol websockets\n') }
    const bench = await mosquitto(
      {},
      {
        files: { ...files, ...process, ...more, '/etc/init.d/mosquitto': '' },
        answer: line => (line.startsWith('mosq') ? unknown : {}),
      },
    )
    assert.match(await bench.inspect(), /^ready tls:.* tls:.* it is restarted/)
    await bench.activate()
    assert.deepEqual([bench.calls.at(-1)?.line, signals], ['/etc/init.d/mosquitto restart', []])
  })

  it('with a broken configuration is left alone', async () => {
    const bench = await mosquitto(
      { config: '/m.conf' },
      { answer: () => ({ exitCode: 3, stderr: 'Error found at m.conf:10.' }) },
    )
    assert.match(await bench.inspect(), /^broken ERR_DEPLOY_BROKEN_BEFORE: .*m.conf:10.*--test-config/)
    await assert.rejects(bench.activate(), { code: 'ERR_DEPLOY' })
  })

  it('that does not run is given what its files name', async () => {
    const bench = await mosquitto({}, { files: { ...files, '/tls/x': '' } })
    assert.match(await bench.inspect(), /^not-running ERR_DEPLOY: .*m.pid does not exist.*systemctl start/)
    assert.deepEqual(await bench.prepare(), ['/tls/c.pem 644 14:14 CI', '/tls/k.pem 600 14:14 K'])
  })
})
