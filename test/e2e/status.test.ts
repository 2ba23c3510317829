/** `certwright status`: quick, and still right about what was changed behind its back. */
import assert from 'node:assert/strict'
import { appendFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { runCli } from '../support/cli.ts'
import { storeCertificates } from '../support/stored-state.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'

// What takes long to load and tells `status` nothing. In the built form only the table of commands has a file of its own.
const heavyFiles =
  /commander|yaml|@clack|@bomb\.sh|hono|config\/(schema|load)|x509\/(key|certificate)\.ts|src\/(client|server|plugins|jose)\/|chunks\/program/
const heavyModules = ['crypto', 'https', 'http', 'http2', 'tls', 'sqlite', 'dns', 'child_process']

// Prints, at the end, all that was loaded after this file.
const reporter = `
import { registerHooks } from 'node:module'
const early = new Set(process.moduleLoadList)
const files = []
registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) })
process.on('exit', () => {
  const builtins = process.moduleLoadList.filter(name => !early.has(name)).map(name => 'node:' + name.replace('NativeModule ', ''))
  process.stderr.write(JSON.stringify([...files, ...builtins]))
})
`

test('status loads nothing heavy', async () => {
  await using directory = await tempDirectory()
  const state = join(directory.path, 'state')
  const config = join(directory.path, 'certwright.yaml')
  const reporterFile = join(directory.path, 'reporter.mjs')
  await storeCertificates(state, ['www.example.com'], nodeRuntime().clock.now())
  await writeFile(config, '')
  await writeFile(reporterFile, reporter)
  const flags = ['--state', state, '--config', config]
  const run = async (...args: readonly string[]) => {
    const env = { NODE_OPTIONS: `--import=${pathToFileURL(reporterFile).href}` }
    const { exitCode, stdout, stderr } = await runCli([...args, ...flags], { env })
    assert.equal(exitCode, 0, stderr)
    return { stdout, loaded: JSON.parse(stderr) as readonly string[] }
  }
  await run('status') // the first run remembers the names in the configuration

  const { stdout, loaded } = await run('status')
  assert.match(stdout, /www\.example\.com .* ok /)
  const isHeavy = (name: string) =>
    heavyFiles.test(name) || heavyModules.some(module => name === `node:${module}`)
  assert.ok(loaded.length > 1, 'nothing was loaded at all')
  assert.deepEqual(loaded.filter(isHeavy), [])

  // The same question with a flag that the quick way does not know.
  const slow = await run('status', '--authority', 'letsencrypt')
  assert.equal(slow.stdout, stdout)
  assert.ok(slow.loaded.some(isHeavy), 'the list of heavy modules finds nothing')
})

test('status sees a file that was changed, whatever its time says', async () => {
  await using directory = await tempDirectory()
  const state = join(directory.path, 'state')
  const config = join(directory.path, 'certwright.yaml')
  await storeCertificates(state, ['www.example.com'], nodeRuntime().clock.now())
  await writeFile(config, '')
  const file = join(state, 'live', 'www.example.com', 'privkey.pem')
  const { atime, mtime } = await stat(file)
  const { ctimeMs: written } = await stat(join(state, 'live', 'www.example.com', 'meta.json'))
  await until('the clock of the file system to tick', async () => {
    await appendFile(file, '\n')
    return (await stat(file)).ctimeMs > written ? true : undefined
  })
  await utimes(file, atime, mtime)
  const { stdout } = await runCli(['status', '--state', state, '--config', config])
  assert.match(stdout, /www\.example\.com .* damaged/)
  assert.match(stdout, /privkey\.pem is damaged: its content has changed/)
})

test('status says that the live link is gone, and what puts it right', async () => {
  await using directory = await tempDirectory()
  const state = join(directory.path, 'state')
  const config = join(directory.path, 'certwright.yaml')
  await storeCertificates(state, ['www.example.com'], nodeRuntime().clock.now())
  await writeFile(
    config,
    'certificates: { www.example.com: { identifiers: [www.example.com], solvers: { http-01: { webroot: /w } } } }',
  )
  const status = () => runCli(['status', '--state', state, '--config', config])
  assert.doesNotMatch((await status()).stdout, /does not lead/)
  await rm(join(state, 'live', 'www.example.com'))
  const { stdout } = await status()
  assert.match(stdout, /www\.example\.com .* not-deployed/)
  assert.match(
    stdout,
    /live\/www\.example\.com does not lead to the newest good certificate\n.*certwright apply/,
  )
})

test('status without certificates says where it looked', async () => {
  await using directory = await tempDirectory()
  const { stdout } = await runCli([
    'status',
    '--state',
    directory.path,
    '--config',
    await emptyFile(directory.path),
  ])
  assert.ok(stdout.startsWith(`no certificates in ${directory.path} yet`), stdout)
})

async function emptyFile(directory: string): Promise<string> {
  const file = join(directory, 'certwright.yaml')
  await writeFile(file, '')
  return file
}
