import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { type ServerBenchOptions, serverBench } from '../../../testing/server-bench.ts'
import { createCoturnDeployer } from './coturn.ts'
import { coturnPlace, parseSettings } from './settings.ts'

const pair = 'cert=/tls/c.pem\npkey=/tls/k.pem\n'

describe('settings of coturn', () => {
  it('are read as it reads them', () => {
    const text =
      '# cert=/no\n  cert = "/a b.pem"\npkey /k.pem\n--no-cli\nlistening-ip=::1\nlistening-ip=192.0.2.1\n'
    assert.deepEqual(
      [...parseSettings(text)],
      [
        ['cert', ['/a b.pem']],
        ['pkey', ['/k.pem']],
        ['no-cli', ['']],
        ['listening-ip', ['::1', '192.0.2.1']],
      ],
    )
  })

  const cases = [
    ['its port', `${pair}tls-listening-port=443\n`, ['127.0.0.1:443']],
    ['the usual port', pair, ['127.0.0.1:5349']],
    ['addresses', `${pair}listening-ip=::1\nlistening-ip=192.0.2.1\n`, ['::1:5349', '192.0.2.1:5349']],
    ['TLS switched off', `${pair}no-tls\n`, undefined],
    ['TLS not switched off', `${pair}no-tls=0\n`, ['127.0.0.1:5349']],
    ['no key', 'cert=/c.pem\n', undefined],
  ] as const
  for (const [name, text, expected] of cases)
    it(name, () =>
      assert.deepEqual(
        coturnPlace(parseSettings(text), { source: '' })?.endpoints.map(
          ({ host, port }) => `${host}:${port}`,
        ),
        expected,
      ),
    )
})

describe('coturn', () => {
  const signals: string[] = []
  const coturn = (options: ServerOptions, bench: ServerBenchOptions) =>
    serverBench(
      runtime =>
        createCoturnDeployer(options, {
          ...runtime,
          sendSignal: (pid, name) => void signals.push(`${name} ${pid}`),
        }),
      bench,
    )
  const config = { '/etc/turnserver.conf': pair }

  it('is told by a signal', async () => {
    const process = {
      '/var/run/turnserver.pid': '77\n',
      '/proc/self/cmdline': 'node',
      '/proc/77/cmdline': '/usr/bin/turnserver\0-c\0x',
    }
    const bench = await coturn({}, { files: { ...config, ...process } })
    assert.equal(await bench.inspect(), 'ready tls://127.0.0.1:5349')
    await bench.activate()
    assert.deepEqual([signals.splice(0), bench.calls], [['USR2 77'], []])
  })

  it('without pid file is told by systemd', async () => {
    const bench = await coturn({}, { files: { ...config, '/run/systemd/system/x': '' } })
    assert.equal(await bench.inspect(), 'ready tls://127.0.0.1:5349')
    await bench.activate()
    assert.equal(bench.calls.at(-1)?.line, 'systemctl kill --signal=SIGUSR2 coturn')
  })

  it('that does not run is given what its file names', async () => {
    const bench = await coturn({}, { files: { ...config, '/tls/x': '' } })
    assert.match(
      await bench.inspect(),
      /^not-running ERR_DEPLOY: .*turnserver.pid does not exist.*set pidfile/,
    )
    assert.deepEqual(await bench.prepare(), ['/tls/c.pem 644 16:16 CI', '/tls/k.pem 600 16:16 K'])
    await assert.rejects(bench.activate(), { code: 'ERR_DEPLOY' })
  })

  it('without TLS is not used', async () => {
    const bench = await coturn({ config: '/t.conf' }, { files: { '/t.conf': 'no-tls\n' } })
    assert.match(
      await bench.inspect(),
      /^unused ERR_DEPLOY_UNUSED: .*switched off \(set cert and pkey in \/t.conf/,
    )
  })

  it('that reads what belongs to others, or to root alone, is told what to do', async () => {
    const packaged = 'cert=/usr/share/c.pem\npkey=/usr/share/k.pem\n'
    const other = await coturn(
      {},
      { files: { '/etc/turnserver.conf': packaged, '/run/systemd/system/x': '' } },
    )
    assert.match(
      await other.inspect(),
      /^unused .*belongs to a package.*two files of its own.*turnserver can search/s,
    )
    const live = 'cert=/state/live/site/fullchain.pem\npkey=/state/live/site/privkey.pem\n'
    const own = await coturn({}, { files: { '/etc/turnserver.conf': live, '/run/systemd/system/x': '' } })
    assert.match(await own.inspect(), /^ready .*as the user turnserver, who cannot do so/)
  })

  it('whose file is not there is not guessed at', async () =>
    assert.match(await (await coturn({}, {})).inspect(), /^broken .*there is no .*config: PATH/))
})
