/** http-01 without a web server, the embedded CA as an authority, and a process that was killed. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, startCli } from '../support/cli.ts'
import { startPebble } from '../support/pebble.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'

const skip = skipWithout('pebble')
const timeout = 60_000

test('standalone answers by itself, says who has the port, and works when it is free again', {
  skip,
  timeout,
}, async () => {
  await using pebble = await startPebble()
  await using directory = await tempDirectory()
  const config = join(directory.path, 'c.yaml')
  await writeFile(config, `resolvers: ["${pebble.dnsServer}"]\n`)
  const issue = () =>
    runCli([
      'issue',
      'a.example',
      '--standalone',
      '--http-port',
      String(pebble.httpPort),
      '--agree-terms',
      '--key',
      'rsa-2048',
      '--authority',
      pebble.directory,
      '--trust',
      pebble.trustFile,
      '--config',
      config,
      '--state',
      join(directory.path, 'state'),
    ])
  const other = createServer((_, response) => response.end('somebody else'))
  await new Promise<void>(resolve => other.listen(pebble.httpPort, '127.0.0.1', resolve))
  const taken = await issue()
  assert.equal(taken.exitCode, 1)
  assert.match(taken.stderr, new RegExp(`port ${pebble.httpPort}|:${pebble.httpPort}`))
  if (process.platform === 'linux') assert.match(taken.stderr, new RegExp(`pid ${process.pid}`))
  assert.match(taken.stderr, /hint: .*--webroot/)
  await new Promise(resolve => other.close(resolve))

  const issued = await issue()
  assert.equal(issued.exitCode, 0, issued.stderr)
  const certificate = new X509Certificate(
    await readFile(join(directory.path, 'state', 'live', 'a.example', 'cert.pem')),
  )
  assert.equal(certificate.publicKey.asymmetricKeyType, 'rsa')
  assert.equal(pebble.log().match(/Added order/g)?.length, 1, 'the order of the first try was used again')
})

test('the embedded CA keeps its root from run to run', { timeout }, async () => {
  await using directory = await tempDirectory()
  await using pebble = skip === false ? await startPebble() : undefined
  const resolvers = pebble === undefined ? '' : `resolvers: ["${pebble.dnsServer}"]\n`
  const config = join(directory.path, 'c.yaml')
  await writeFile(config, resolvers)
  const state = join(directory.path, 'state')
  const flags = ['--config', config, '--state', state]
  // Validation looks at port 80, which a test may not take: the account and the roots are what can be seen here.
  const first = await runCli(['account', 'register', '--authority', 'embedded', '--json', ...flags])
  assert.equal(first.exitCode, 0, first.stderr)
  const root = await readFile(join(state, 'ca', 'root.pem'), 'utf8')
  const second = await runCli(['account', 'register', '--authority', 'embedded', '--json', ...flags])
  assert.equal(second.exitCode, 0, second.stderr)
  assert.equal(await readFile(join(state, 'ca', 'root.pem'), 'utf8'), root)
  const shown = await runCli(['account', 'show', '--authority', 'embedded', ...flags])
  assert.equal(shown.exitCode, 0, shown.stderr)
  const key = join(state, 'accounts', 'embedded', 'key.pem')
  assert.match(await readFile(key, 'utf8'), /BEGIN PRIVATE KEY/)
})

const endings = [
  { signal: 'SIGKILL', leaves: 'its challenge file behind', files: 1 },
  { signal: 'SIGTERM', leaves: 'nothing behind', files: 0 },
] as const

for (const { signal, leaves, files } of endings) {
  test(`a run that gets ${signal} leaves ${leaves}, and the next one continues its order`, {
    skip,
    timeout,
  }, async () => {
    await using pebble = await startPebble({ env: { PEBBLE_VA_ALWAYS_VALID: '1' }, validationSeconds: 8 })
    await using directory = await tempDirectory()
    const webroot = join(directory.path, 'webroot')
    await mkdir(webroot)
    const config = join(directory.path, 'c.yaml')
    await writeFile(
      config,
      `authority: { directory: "${pebble.directory}", trust: ${pebble.trustFile} }
account: { agree-to-terms: true }
certificates:
  a.example: { solvers: { http-01: { webroot: ${webroot}, self-check: false } } }
`,
    )
    const flags = ['--config', config, '--state', join(directory.path, 'state')]
    const challenges = join(webroot, '.well-known', 'acme-challenge')
    const challengeFiles = () => readdir(challenges).catch(() => [])
    {
      await using first = await startCli(['apply', ...flags])
      await until('the challenge file', async () => ((await challengeFiles()).length > 0 ? true : undefined))
      first.signal(signal)
      await until('the end of the process', async () => (first.hasEnded() ? true : undefined))
    }
    assert.equal((await challengeFiles()).length, files)
    const second = await runCli(['apply', ...flags])
    assert.equal(second.exitCode, 0, second.stderr)
    assert.match(second.stderr, /continuing the order of an earlier run/)
    assert.equal(pebble.log().match(/Added order/g)?.length, 1)
    assert.deepEqual(await readdir(webroot), [], 'what both processes made is gone')
  })
}
