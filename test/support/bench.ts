/**
 * A machine with one good certificate on it, for tests that try to make Certwright lose it: every test gets a copy,
 * does its worst, and looks that nothing is gone and nothing is left over.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chown, cp, lchown, lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { instant } from '../../src/base/instant.ts'
import { apply } from '../../src/cli/commands/apply.ts'
import { createContext } from '../../src/cli/context.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { runCli } from './cli.ts'
import { caFile, type HostileCaOptions, startHostileCa } from './hostile-ca.ts'
import type { Finished } from './programs.ts'
import { type TempDirectory, tempDirectory } from './temp-directory.ts'

/** The certificate that must not be lost. */
export const kept = 'kept.example'

export type Bench = AsyncDisposable & {
  readonly directory: string
  readonly webroot: string
  readonly state: string
  readonly configFile: string
  /** Writes the configuration. A copy begins with one that is good, and whose CA does not listen any more. */
  configure(text: string): Promise<void>
  /** Runs the command line with this configuration and state, unless the arguments name others. */
  run(...args: readonly string[]): Promise<Finished>
  /** Forces a renewal of the certificate in this process, on a clock that takes no time to wait. */
  renewWithoutWaiting(): Promise<Finished>
  /** Takes what is there now as what must not be lost: a test that damages something itself calls it after that. */
  remember(): Promise<void>
  /** @throws when anything of the certificate is not as it was, or anything is left over */
  assertNothingLost(): Promise<void>
}

/** The place that is copied. */
export type Template = AsyncDisposable & {
  /** @param options - `uid`: whose files they are and who runs the command line; root alone can choose */
  copy(options?: { readonly uid?: number }): Promise<Bench>
}

/** Obtains the certificate, once, from a CA that is well. */
export async function makeTemplate(): Promise<Template> {
  await using started = new AsyncDisposableStack()
  const origin = started.use(await tempDirectory())
  const bench = await openBench(origin)
  await mkdir(bench.webroot)
  const ca = await startHostileCa({ directory: origin.path, webroot: bench.webroot })
  try {
    await bench.configure(goodConfig(bench, ca))
    const { exitCode, stdout, stderr } = await bench.run('apply')
    assert.equal(exitCode, 0, stdout + stderr)
  } finally {
    await ca[Symbol.asyncDispose]()
  }
  const all = started.move()
  return {
    async copy({ uid } = {}) {
      const directory = await tempDirectory()
      await cp(origin.path, directory.path, { recursive: true, verbatimSymlinks: true })
      if (uid !== undefined) await giveTo(directory.path, uid)
      const copy = await openBench(directory, uid)
      await copy.configure(goodConfig(copy, { ...ca, trustFile: join(directory.path, caFile) }))
      return copy
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Starts a CA that looks into the webroot of a bench, and configures it. */
export async function startCaFor(
  bench: Bench,
  options: Omit<HostileCaOptions, 'directory' | 'webroot'> = {},
): ReturnType<typeof startHostileCa> {
  const { directory, webroot } = bench
  const ca = await startHostileCa({ directory, webroot, ...options })
  await bench.configure(goodConfig(bench, ca))
  return ca
}

type CaPlace = { readonly directory: string; readonly trustFile: string }

/** A configuration without a mistake. `more` goes into `account`. */
export function goodConfig(
  { webroot }: Pick<Bench, 'webroot'>,
  { directory, trustFile }: CaPlace,
  account = 'agree-to-terms: true',
): string {
  return `authority: { directory: "${directory}", trust: ${trustFile} }
account: { email: admin@example.com, ${account} }
defaults: { solvers: { http-01: { webroot: ${webroot}, self-check: false } } }
certificates: { ${kept}: {} }
`
}

async function openBench(directory: TempDirectory, uid?: number): Promise<Bench> {
  const { path } = directory
  const webroot = join(path, 'webroot')
  const state = join(path, 'state')
  const configFile = join(path, 'certwright.yaml')
  const look = async () => ({
    certificate: await listing(join(state, 'certificates', kept)),
    live: await listing(join(state, 'live')),
    webroot: await listing(webroot),
    dropIns: await listing(join(path, 'certificates.d')),
  })
  let before = await look()
  return {
    directory: path,
    webroot,
    state,
    configFile,
    configure: text => writeFile(configFile, text),
    run: (...args) => runCli(['--config', configFile, '--state', state, ...args], { uid }),
    async renewWithoutWaiting() {
      const globals = { config: configFile, state, color: false, quiet: true }
      const context = createContext(globals, new AbortController().signal)
      const clock = fakeClock({ now: instant(Date.now()), autoAdvance: true })
      const { exitCode, text } = await apply(
        { ...context, runtime: { ...nodeRuntime(), clock } },
        { args: [], force: [kept] },
      )
      return { exitCode, stdout: text, stderr: '' }
    },
    async remember() {
      before = await look()
    },
    async assertNothingLost() {
      assert.deepEqual(await look(), before)
      const unfinished = (await listing(state)).filter(([name]) =>
        /\/\.(?:certwright-tmp|unfinished)-/.test(name),
      )
      assert.deepEqual(unfinished, [])
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

async function giveTo(path: string, uid: number): Promise<void> {
  for (const name of await readdir(path, { recursive: true })) await lchown(join(path, name), uid, uid)
  await chown(path, uid, uid)
}

/** Everything below a directory: name, mode, and a digest of the content or the target of a link. */
async function listing(directory: string): Promise<readonly (readonly [string, string])[]> {
  const names = await readdir(directory, { recursive: true }).catch(() => []) // not there
  return Promise.all(
    [...names].sort().map(async name => {
      const path = join(directory, name)
      const stats = await lstat(path)
      const content = stats.isSymbolicLink()
        ? await readlink(path)
        : stats.isFile()
          ? createHash('sha256')
              .update(await readFile(path))
              .digest('hex')
          : ''
      return [`/${name}`, `${stats.mode.toString(8)} ${content}`] as const
    }),
  )
}

/** What a row of a table expects of a command that was refused. */
export type Refusal = {
  readonly exit: 1 | 2
  /** In the message: what failed, and on what. */
  readonly says: RegExp
  /** After `hint:` or `retry:`, or in parentheses behind a mistake in the configuration. */
  readonly hint: RegExp
}

/** @throws when a person would not know from the output what to do next, or something else is wrong with it */
export function assertRefused({ exitCode, stdout, stderr }: Finished, { exit, says, hint }: Refusal): void {
  const output = `${stdout}${stderr}`
  assert.match(output, says)
  const next = [...output.matchAll(/(?:hint|retry): (.*(?:\n {2,}.*)*)|\((.*)\)$/gm)].flat().join('\n')
  assert.match(next, hint, output)
  assert.equal(exitCode, exit, output)
  assert.doesNotMatch(output, /defect of Certwright|^\s+at .*:\d+:\d+/m)
  assert.doesNotMatch(output, unsafe)
}

// oxlint-disable-next-line no-control-regex -- the controls are the point
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
