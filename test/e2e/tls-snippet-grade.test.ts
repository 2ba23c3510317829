/** The settings that `tls snippet` prints are as good as they get: A+ here, and no complaint of testssl. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { mapConcurrently } from '../../src/base/concurrent.ts'
import type { TlsConfiguration } from '../oracles/tls-configurations.ts'
import { runCli } from '../support/cli.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { testsslComplaints } from '../support/testssl.ts'
import { startTlsServers } from '../support/tls-servers.ts'

const servers = ['nginx', 'apache', 'haproxy', 'lighttpd'] as const
const programs = ['testssl', 'nginx', 'apache2', 'haproxy', 'lighttpd', 'openssl']

for (const profile of ['intermediate', 'modern']) {
  test(`${profile}: ${servers.join(', ')} with a local root`, {
    skip: skipWithout(...programs),
    timeout: 170_000,
  }, async t => {
    await using directory = await tempDirectory()
    const snippets = await mapConcurrently(servers, 2, async server => {
      const file = join(directory.path, `${server}.conf`)
      const { exitCode, stdout, stderr } = await runCli([
        ...['tls', 'snippet', server, '--profile', profile, '--hsts', '2y'],
      ])
      assert.equal(exitCode, 0, stderr)
      await writeFile(file, stdout)
      return { server, file, text: stdout }
    })
    const fileOf = (wanted: string) => snippets.find(({ server }) => server === wanted)?.file ?? ''
    const configurations = snippets.map(
      ({ server, file, text }): TlsConfiguration => ({
        name: server,
        server,
        certificates: ['ecdsa'],
        settings: server === 'nginx' ? [`include ${file};`] : server === 'apache' ? [`Include ${file}`] : [],
        // What belongs into a frontend stands there as a comment: HAProxy would take it for the end of the global section.
        front: server === 'haproxy' ? (text.match(/(?<=^# *)http-after-response .*$/m) ?? []) : [],
        grade: 'A+',
      }),
    )
    const global = { haproxy: fileOf('haproxy'), lighttpd: fileOf('lighttpd') }
    await using running = await startTlsServers(configurations, global)
    const { trust } = running.certificates

    for (const configuration of configurations) {
      await t.test(`${configuration.name} is A+`, async () => {
        const endpoint = `localhost:${running.portOf(configuration)}`
        const { exitCode, stdout, stderr } = await runCli([
          'tls',
          'grade',
          endpoint,
          '--trust',
          trust,
          '--min',
          'A+',
        ])
        assert.equal(exitCode, 0, stdout + stderr)
      })
    }
    // One profile is enough: the other has less in it.
    if (profile === 'modern') return
    await t.test('testssl complains about none of them', { timeout: 170_000 }, async () => {
      const complaints = await mapConcurrently(configurations, 2, async configuration => {
        const port = running.portOf(configuration)
        return {
          name: configuration.name,
          complaints: await testsslComplaints(port, { trust, depth: 'short' }),
        }
      })
      assert.deepEqual(
        complaints,
        servers.map(name => ({ name, complaints: [] })),
      )
    })
  })
}
