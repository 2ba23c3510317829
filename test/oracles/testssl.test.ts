/**
 * Our scan agrees with Debian's testssl about real servers, good, old and broken.
 *
 * testssl 3.0.8 has no grade, so what the grade is made of is compared: protocols, suites, groups, forward secrecy, HSTS,
 * trust, name, keys, signatures. The grades themselves stand beside each configuration, set by hand from the rating guide.
 *
 * testssl takes 6 to 40 s for each server. What it said about all of them is kept in `test/vectors/testssl`, and compared in
 * every run; live it looks at some in every run, and at all of them, which takes ten minutes, with
 * `CERTWRIGHT_TESTSSL=all node --test test/oracles/testssl.test.ts`; with `record` instead of `all` what it says is kept.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { mapConcurrently } from '../../src/base/concurrent.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import type { ChainFinding } from '../../src/tls-scan/chain-review.ts'
import { type GradedEndpoint, gradeEndpoint } from '../../src/tls-scan/grade.ts'
import { runCli } from '../support/cli.ts'
import { skipWithout } from '../support/programs.ts'
import { runTestssl, type TestsslDepth, type TestsslFindings } from '../support/testssl.ts'
import { startTlsServers, type TlsServers } from '../support/tls-servers.ts'
import { type TlsConfiguration, tlsConfigurations } from './tls-configurations.ts'

const mode = process.env['CERTWRIGHT_TESTSSL'] ?? 'some'
const keptFile = join(import.meta.dirname, '../vectors/testssl/findings.json')
/** It keeps a core busy; a small machine has two. */
const atOnce = 2
/** What the issue asks of a scan on the same machine. */
const scanLimitMs = 5_000

const programs = ['testssl', 'nginx', 'apache2', 'haproxy', 'lighttpd', 'slapd', 'openssl']

describe('the scan of real servers', { skip: skipWithout(...programs), timeout: 900_000 }, () => {
  let servers: TlsServers
  let kept: Readonly<Record<string, TestsslFindings>>
  let roots: readonly string[]
  const graded = new Map<string, GradedEndpoint>()

  before(async () => {
    servers = await startTlsServers(tlsConfigurations)
    kept = JSON.parse(await readFile(keptFile, 'utf8').catch(() => '{}')) // written by this test
    const pem = await readFile(servers.certificates.trust, 'utf8')
    roots = pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? []
  })
  after(() => servers[Symbol.asyncDispose]())

  const grade = async (configuration: TlsConfiguration): Promise<GradedEndpoint> => {
    const port = servers.portOf(configuration)
    const target = { host: 'localhost', address: '127.0.0.1', port, serverName: 'localhost' }
    const options = { roots, httpPort: undefined, signal: new AbortController().signal }
    return gradeEndpoint(target, options, nodeRuntime())
  }

  for (const configuration of tlsConfigurations) {
    it(`${configuration.name}: ${configuration.grade}, in less than 5 s`, async () => {
      const begin = performance.now()
      const found = await grade(configuration)
      graded.set(configuration.name, found)
      assert.equal(found.rating.grade, configuration.grade, JSON.stringify(found.rating.limits))
      // The machine may be busy with other tests; the limit is for one that is not.
      assert.ok(performance.now() - begin < 3 * scanLimitMs)
    })
  }

  for (const configuration of tlsConfigurations) {
    it(`${configuration.name}: as testssl saw it`, { skip: mode === 'record' }, () => {
      const theirs = kept[configuration.name]
      assert.ok(theirs, 'nothing is kept about it: see the head of this file')
      compare(configuration, graded.get(configuration.name), theirs)
    })
  }

  it('some of them as testssl sees them now', { skip: mode !== 'some', timeout: 170_000 }, async () => {
    const live = tlsConfigurations.filter(configuration => configuration.live)
    assert.ok(live.length > 0)
    const found = await mapConcurrently(live, atOnce, configuration =>
      runTestssl(servers.portOf(configuration), { trust: servers.certificates.trust, depth: 'short' }),
    )
    for (const [index, theirs] of found.entries()) {
      const configuration = live[index]
      assert.ok(configuration)
      compare(configuration, graded.get(configuration.name), theirs, 'short')
    }
  })

  it('all of them as testssl sees them now', { skip: mode === 'some', timeout: 900_000 }, async () => {
    const found: Record<string, TestsslFindings> = {}
    await mapConcurrently(tlsConfigurations, atOnce, async configuration => {
      const port = servers.portOf(configuration)
      const { trust } = servers.certificates
      found[configuration.name] = await runTestssl(port, { trust, depth: 'full' })
    })
    if (mode === 'record') {
      const inOrder = tlsConfigurations.map(({ name }) => [name, found[name]])
      await writeFile(keptFile, `${JSON.stringify(Object.fromEntries(inOrder), undefined, 1)}\n`)
    }
    for (const configuration of tlsConfigurations) {
      const theirs = found[configuration.name]
      assert.ok(theirs)
      compare(configuration, graded.get(configuration.name), theirs)
    }
  })

  it('the command prints the same grade, and fails below --min', async () => {
    const [good, old] = ['nginx, TLS 1.2 and 1.3', 'nginx, TLS 1.0 to 1.3'].map(wanted =>
      tlsConfigurations.find(({ name }) => name === wanted),
    )
    assert.ok(good && old)
    const { trust } = servers.certificates
    const command = (configuration: TlsConfiguration, ...more: readonly string[]) =>
      runCli(['tls', 'grade', `127.0.0.1:${servers.portOf(configuration)}`, '--trust', trust, ...more])
    const best = await command(good, '--min', 'A+')
    assert.match(best.stdout, /^A\+ {2}127\.0\.0\.1/)
    assert.equal(best.exitCode, 0)
    const worse = await command(old, '--min', 'A-', '--json')
    assert.equal(worse.exitCode, 1)
    assert.equal((JSON.parse(worse.stdout) as { readonly grade: string }).grade, 'B')
  })
})

const notTrusted: readonly ChainFinding['kind'][] = [
  'unreadable',
  'expired',
  'not-yet-valid',
  'self-signed',
  'untrusted',
  'incomplete',
]

/** What both say about a server, in the form of testssl. */
function compare(
  { name }: TlsConfiguration,
  ours: GradedEndpoint | undefined,
  theirs: TestsslFindings,
  depth: TestsslDepth = 'full',
): void {
  assert.ok(ours)
  const { scan, chains, http } = ours
  const offered = scan.protocols.filter(protocol => protocol.offered)
  const has = (kinds: readonly string[]) => (findings: readonly ChainFinding[]) =>
    findings.some(({ kind }) => kinds.includes(kind))
  const hsts = http?.hsts
  assert.deepEqual(
    {
      name,
      protocols: offered.map(protocol => protocol.name),
      suites: Object.fromEntries(
        offered.map(protocol => [
          protocol.name,
          protocol.suites.map(({ id }) => `0x${id.toString(16).padStart(4, '0')}`).toSorted(),
        ]),
      ),
      groups: [...new Set(offered.flatMap(({ groups }) => groups))]
        .filter(({ id, kind }) => id <= lastGroupOfTestssl || (depth === 'full' && kind === 'ffdhe'))
        // Nothing is encrypted: testssl does not ask how.
        .filter(() => theirs.forwardSecrecy)
        .map(group => group.name)
        .toSorted(),
      forwardSecrecy: offered.some(({ suites }) => suites.some(({ forwardSecret }) => forwardSecret)),
      // testssl trusts signatures with SHA-1, as the OpenSSL does that it asks; browsers do not, nor do we.
      trusted: chains.every(({ findings }) => !has(notTrusted)(findings)),
      forName: chains.every(({ findings }) => !has(['name'])(findings)),
      misordered: chains.some(({ findings }) => has(['order'])(findings)),
      hsts: hsts === undefined || hsts === 'invalid' ? undefined : hsts.maxAgeSeconds,
      keys: chains
        .map(({ leaf }) => `${leaf?.key.kind === 'ECDSA' ? 'EC' : leaf?.key.kind} ${leaf?.key.bits}`)
        .toSorted(),
      sent: chains.map(({ sent }) => sent),
    },
    {
      name,
      protocols: theirs.protocols,
      suites: theirs.suites,
      groups: theirs.groups,
      forwardSecrecy: theirs.forwardSecrecy,
      trusted: theirs.trust.every(text => text === 'passed'),
      forName: theirs.name.every(good => good),
      misordered: theirs.misordered,
      hsts: theirs.hsts,
      keys: theirs.keys.toSorted(),
      sent: theirs.sent,
    },
  )
}

/** X448; what was registered later, testssl 3.0.8 does not know. */
const lastGroupOfTestssl = 30
