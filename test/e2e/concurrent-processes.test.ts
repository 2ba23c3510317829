/** Many processes at once on one state directory: one works on a certificate, the others wait and find it done. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, startCli } from '../support/cli.ts'
import { startHostileCa } from '../support/hostile-ca.ts'
import { startPebble } from '../support/pebble.ts'
import { type Finished, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout('pebble')
const timeout = 180_000
const processes = 20

type CaPlace = { readonly directory: string; readonly trustFile: string }

/** A directory with a webroot; the flags of the command line name its configuration and state. */
async function openSite() {
  const directory = await tempDirectory()
  const [webroot, state, config] = ['webroot', 'state', 'certwright.yaml'].map(name =>
    join(directory.path, name),
  ) as [string, string, string] // one for each
  await mkdir(webroot)
  return {
    path: directory.path,
    webroot,
    flags: ['--config', config, '--state', state],
    configure: (ca: CaPlace, names: readonly string[]) =>
      writeFile(
        config,
        `authority: { directory: "${ca.directory}", trust: ${ca.trustFile} }
account: { agree-to-terms: true }
defaults: { solvers: { http-01: { webroot: ${webroot}, self-check: false } } }
certificates: { ${names.map(name => `${name}: {}`).join(', ')} }
`,
      ),
    generations: (name: string) => readdir(join(state, 'certificates', name)),
    unfinished: () => readdir(join(state, 'runs')),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

/** Runs the same command that often at once. */
async function together(args: readonly string[]): Promise<readonly Finished[]> {
  const runs = Array.from({ length: processes }, () => runCli(args, { timeoutMs: timeout }))
  const results = await Promise.all(runs)
  for (const { exitCode, stdout, stderr } of results) assert.equal(exitCode, 0, stdout + stderr)
  return results
}

/** What Pebble was asked to make, by its log. */
function asked(log: string) {
  const count = (pattern: RegExp) => [...log.matchAll(pattern)].length
  return {
    accounts: count(/POST \/sign-me-up/g),
    orders: count(/POST \/order-plz/g),
    certificates: count(/Issued certificate serial/g),
  }
}

test('twenty times apply, five certificates: each is ordered once, from one account', {
  skip,
  timeout,
}, async () => {
  await using pebble = await startPebble({ env: { PEBBLE_VA_ALWAYS_VALID: '1' } })
  await using site = await openSite()
  const names = Array.from({ length: 5 }, (_, index) => `site-${index}.example`)
  await site.configure(pebble, names)
  const results = await together(['apply', ...site.flags])
  assert.deepEqual(asked(pebble.log()), { accounts: 1, orders: 5, certificates: 5 })
  for (const name of names) {
    assert.equal((await site.generations(name)).length, 1)
    assert.equal(results.filter(({ stdout }) => stdout.includes(`${name}: issued`)).length, 1, name)
  }
  const waited = results.filter(({ stderr }) => /waiting for issue site-\d\.example \(pid \d+\)/.test(stderr))
  assert.ok(waited.length > 0, 'none was in the way of another')
  assert.deepEqual(await site.unfinished(), [])
})

test('twenty times issue of one name: it is ordered once', { skip, timeout }, async () => {
  await using pebble = await startPebble({ env: { PEBBLE_VA_ALWAYS_VALID: '1' } })
  await using site = await openSite()
  await site.configure(pebble, [])
  const issue = ['issue', 'www.example', '--webroot', site.webroot, '--no-self-check']
  await together([...issue, ...site.flags])
  assert.deepEqual(asked(pebble.log()), { accounts: 1, orders: 1, certificates: 1 })
  assert.equal((await site.generations('www.example')).length, 1)
  assert.deepEqual(await site.unfinished(), [])
})

test('a process that is killed while it works on a certificate frees it: the one that waits goes on at once, with the same order', {
  timeout,
}, async () => {
  await using site = await openSite()
  const reached = Promise.withResolvers<void>()
  const forever = new Promise<never>(() => {})
  await using ca = await startHostileCa({
    directory: site.path,
    webroot: site.webroot,
    mischief: {
      finalize: async ({ good }) => {
        await good()
        reached.resolve()
        return forever
      },
    },
  })
  await site.configure(ca, ['www.example'])
  await using first = await startCli(['apply', ...site.flags])
  await reached.promise
  await using second = await startCli(['apply', ...site.flags])
  await second.waitForOutput(new RegExp(`waiting for issue www\\.example \\(pid ${first.pid}\\)`))

  first.signal('SIGKILL')
  assert.equal(await first.ended, 'SIGKILL')
  const killedAt = performance.now()
  assert.equal(await second.ended, 0, second.output())
  assert.ok(performance.now() - killedAt < 15_000, 'the lock was not freed by the death of its holder')
  assert.match(second.output(), /continuing the order of an earlier run/)
  assert.deepEqual([ca.asked('new-order'), ca.asked('finalize'), ca.issued()], [1, 1, 1])
  assert.equal((await site.generations('www.example')).length, 1)
  assert.deepEqual(await site.unfinished(), [])
  assert.deepEqual(await readdir(site.webroot), [])
})
