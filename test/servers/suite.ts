/**
 * What Certwright promises for every server: the certificate is delivered, seen on the wire and renewed; with a fault the
 * earlier one stays served, the report says what is wrong, and all is well when the fault is gone.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { runCli } from '../support/cli.ts'
import { makeServerCertificate } from '../support/https.ts'
import { startPebble } from '../support/pebble.ts'
import { freePort } from '../support/ports.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { leafAt } from './leaf.ts'
import { noteResult } from './results.ts'
import type { RunningServer, ServerCase, Setup } from './server-case.ts'

const names = ['mail.example', 'www.mail.example'] as const
const [name] = names
const timeout = 240_000

/** Runs the promises for one server. */
export function testServer(server: ServerCase): void {
  const mayStart = server.needsRoot !== true || process.getuid?.() === 0
  const skip = mayStart ? skipWithout('pebble', 'openssl', ...server.programs) : 'only root can start it'
  const title = [server.name, server.variant].filter(Boolean).join(' ')
  test(`${title} with ${server.reads === 'live' ? 'live/' : 'files of its own'}`, {
    skip,
    timeout,
  }, async t => {
    await using bench = await startBench(server)
    const { start, run, configure, live, served, fileFacts } = bench
    if (server.reads === 'live') {
      const early = await run('apply')
      assert.equal(early.exitCode, 1, 'a server that is not there was fed')
    }
    const running = await start()
    const shows = async (what: string) =>
      assert.deepEqual(await served(), await expected(running, live), what)
    await configure(running.options)

    await t.test('the first certificate', async () => {
      good(await run('apply'))
      await shows('first')
      const second = await run('apply', '--detailed-exitcode')
      assert.equal(second.exitCode, 3, `delivered twice: ${words(second)}`)
    })
    await t.test('a renewal', async () => {
      const before = await live()
      good(await run('apply', '--force', name))
      assert.notEqual(await live(), before)
      await shows('renewed')
      good(await run('verify', name))
    })
    await t.test('a broken configuration', async () => {
      const before = await served()
      const mend = await running.breakConfiguration()
      const refused = await run('apply', '--force', name)
      bad(refused, before, await served())
      await mend()
      good(await run('apply', '--force', name))
      await shows('after it was mended')
    })
    await t.test('a reload without effect', { skip: server.readsByItself }, async () => {
      const [before, files] = [await served(), await fileFacts()]
      await configure({ ...running.options, reload: ['/bin/true'], 'served-within': '1 s' })
      const refused = await run('apply', '--force', name)
      bad(refused, before, await served())
      assert.match(words(refused), /does not serve the new certificate/)
      assert.deepEqual(await fileFacts(), files, 'the files were put back as they were')
      await configure(running.options)
      good(await run('deploy', name))
      await shows('after the reload works again')
    })
    await t.test('a key that does not belong to the certificate', async () => {
      const before = await served()
      await bench.spoilKey()
      if (server.readsByItself !== true) assert.deepEqual(await served(), before)
      good(await run('apply'))
      await shows('after the key was mended')
    })
    await noteResult(server, running.places)
  })
}

const words = ({ stdout, stderr }: Finished) => `${stdout}\n${stderr}`
const good = (result: Finished) => assert.equal(result.exitCode, 0, words(result))

/** It failed, said why, and what was served still is. */
function bad(result: Finished, before: readonly string[], after: readonly string[]): void {
  assert.equal(result.exitCode, 1, words(result))
  assert.match(words(result), /error|failed/i)
  assert.doesNotMatch(words(result), /at .*\.ts:\d+/, 'a stack trace')
  assert.deepEqual(after, before, `the earlier certificate is not served any more\n${words(result)}`)
}

async function expected({ places }: RunningServer, live: () => Promise<string>): Promise<readonly string[]> {
  const leaf = await live()
  return places.map(() => leaf)
}

/** Certwright with Pebble, one certificate and one server, which is not started yet. */
export async function startBench(
  server: Pick<ServerCase, 'name' | 'reads' | 'form' | 'start' | 'fileNames'>,
) {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await tempDirectory())
  await chmod(path, 0o711)
  const [state, directory] = [join(path, 'state'), join(path, 'server')]
  await mkdir(directory, { mode: 0o711 })
  const setup = await placesFor(server, { state, directory })
  const httpPort = await freePort()
  const pebble = started.use(await startPebble({ httpPort }))
  const configFile = join(path, 'certwright.yaml')
  const configure = (options: RunningServer['options']) =>
    writeFile(
      configFile,
      stringify({
        authority: { directory: pebble.directory, trust: pebble.trustFile },
        account: { 'agree-to-terms': true },
        resolvers: [pebble.dnsServer],
        defaults: {
          solvers: {
            'http-01': { standalone: { port: httpPort, addresses: ['127.0.0.1'] }, port: httpPort },
          },
        },
        certificates: { [name]: { identifiers: names, deploy: [{ [server.name]: options }] } },
      }),
    )
  await configure({})
  let running: RunningServer | undefined
  const files = server.form === 'combined' ? [setup.combinedFile] : [setup.certificateFile, setup.keyFile]
  const all = started.move()
  return {
    configure,
    start: async () => {
      running = all.use(await server.start(setup))
      return running
    },
    run: (...args: readonly string[]) =>
      runCli([...args, '--config', configFile, '--state', state], { timeoutMs: 120_000 }),
    live: async () =>
      new X509Certificate(await readFile(join(state, 'live', name, 'cert.pem'))).fingerprint256,
    served: async () => {
      const leaves: string[] = []
      for (const place of running?.places ?? []) leaves.push(await leafAt(place, name))
      return leaves
    },
    fileFacts: () =>
      Promise.all(
        files.map(async file => {
          const { mode, uid, gid } = await stat(file)
          return { file, mode, uid, gid, text: await readFile(file, 'utf8') }
        }),
      ),
    /** Puts the key of another certificate where the server reads its own. */
    spoilKey: async () => {
      await using other = await tempDirectory()
      const { keyFile } = await makeServerCertificate(other.path)
      // Written, because a copy may get another owner.
      if (server.form !== 'combined') return await writeFile(setup.keyFile, await readFile(keyFile))
      const certificates = (await readFile(setup.combinedFile, 'utf8')).replace(
        /-----BEGIN [^\n]*PRIVATE KEY-----.*?-----END [^\n]*PRIVATE KEY-----\n/s,
        '',
      )
      return await writeFile(setup.combinedFile, (await readFile(keyFile, 'utf8')) + certificates)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The files that the server's configuration names; copies begin as a self-signed pair. */
async function placesFor(
  server: Pick<ServerCase, 'reads' | 'fileNames'>,
  { state, directory }: { readonly state: string; readonly directory: string },
): Promise<Setup> {
  const live = (file: string) => join(state, 'live', name, file)
  if (server.reads === 'live')
    return {
      directory,
      names,
      certificateFile: live('fullchain.pem'),
      keyFile: live('privkey.pem'),
      combinedFile: live('combined.pem'),
    }
  const made = await makeServerCertificate(directory, names)
  const { certificate = basename(made.certificateFile), key = basename(made.keyFile) } =
    server.fileNames ?? {}
  const [certificateFile, keyFile] = [join(directory, certificate), join(directory, key)]
  await rename(made.certificateFile, certificateFile)
  await rename(made.keyFile, keyFile)
  const combinedFile = join(directory, 'combined.pem')
  await writeFile(
    combinedFile,
    (await readFile(keyFile, 'utf8')) + (await readFile(certificateFile, 'utf8')),
    {
      mode: 0o600,
    },
  )
  return { directory, names, certificateFile, keyFile, combinedFile }
}
