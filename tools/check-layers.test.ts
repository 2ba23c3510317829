/** That the check finds a planted violation of every rule, and nothing in a tree that obeys them. */
import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { requireProgram, runProgram } from '../test/support/programs.ts'
import { tempDirectory } from '../test/support/temp-directory.ts'
import { checkLayers } from './check-layers.ts'
import { layerRules } from './layers.ts'
import { findOutsideGlobals } from './outside-globals.ts'

// What the plants import; it obeys every rule.
const obedient: Readonly<Record<string, string>> = {
  'src/base/errors.ts': "export const base = 'base'",
  'src/base/schema.ts': "import * as v from 'valibot'; export { v }",
  'src/acme/order.ts': "import { base } from '../base/errors.ts'; export const acme = base",
  'src/x509/key.ts': "import { createHash } from 'node:crypto'; export const x509 = createHash",
  'src/runtime/clock.ts': 'export type Clock = { readonly now: () => number }',
  'src/runtime/node/clock.ts':
    "import type { Clock } from '../clock.ts'; export const clock: Clock = { now: () => Date.now() }",
  'src/runtime/node/files.ts': "import { readFileSync } from 'node:fs'; export const read = readFileSync",
  'src/contracts/solver.ts': 'export type Solver = { readonly name: string }',
  'src/client/client.ts':
    "import type { Clock } from '../runtime/clock.ts'; export const client = {} as Clock",
  'src/client/index.ts':
    "export { client } from './client.ts'; export { clock } from '../runtime/node/clock.ts'",
  'src/server/app.ts': "import { Hono } from 'hono'; export const app = Hono",
  'src/plugins/registry.ts':
    "import type { Solver } from '../contracts/solver.ts'; export const one = {} as Solver",
  'src/manage/manager.ts': "import { client } from '../client/client.ts'; export const manager = client",
  'src/manage/plan/plan.ts': 'export const plan = 1',
  'src/manage/execute/issue.ts': 'export const issue = 1',
  'src/manage/observe/observe.ts': 'export const observe = 1',
  'src/testing/fake.ts': "import { acme } from '../acme/order.ts'; export const fake = acme",
  'src/cli/main.ts':
    "import { app } from '../server/app.ts'; export const main = [app, process.argv, process.env['HOME'], Date.now()]",
  'src/client/client.test.ts':
    "import { fake } from '../testing/fake.ts'; import 'node:fs'; import 'fast-check'; void fake",
  'src/index.ts': "export { manager } from './manage/manager.ts'",
}

// One per rule: the file that breaks it, and how.
const plants: readonly (readonly [rule: string, file: string, content: string])[] = [
  ['folder-base', 'src/base/up.ts', "import '../acme/order.ts'"],
  ['folder-runtime', 'src/runtime/up.ts', "import '../acme/order.ts'"],
  ['folder-acme', 'src/acme/up.ts', "import '../x509/key.ts'"],
  [
    'folder-x509',
    'src/x509/up.ts',
    "import type { Clock } from '../runtime/clock.ts'; export type T = Clock",
  ],
  ['folder-jose', 'src/jose/up.ts', "import '../acme/order.ts'"],
  ['folder-harden', 'src/harden/up.ts', "import '../x509/key.ts'"],
  ['folder-tls-scan', 'src/tls-scan/stranger.ts', "import '../client/client.ts'"],
  ['folder-contracts', 'src/contracts/up.ts', "import '../client/client.ts'"],
  ['folder-client', 'src/client/stranger.ts', "import '../server/app.ts'"],
  ['folder-server', 'src/server/stranger.ts', "import '../plugins/registry.ts'"],
  ['folder-plugins', 'src/plugins/stranger.ts', "import '../client/client.ts'"],
  ['folder-manage', 'src/manage/up.ts', "void import('../plugins/registry.ts')"],
  ['folder-testing', 'src/testing/up.ts', "import '../manage/manager.ts'"],
  ['folder-daemon', 'src/daemon/up.ts', "import '../cli/main.ts'"],
  ['folder-cli', 'src/cli/fake.ts', "import '../testing/fake.ts'"],
  ['folder-unknown', 'src/utils/one.ts', "import '../base/errors.ts'"],
  ['package-door', 'src/extra.ts', "import './cli/main.ts'"],
  ['no-cycle', 'src/base/ring.ts', "import type { B } from './ring-2.ts'; export type A = { b: B }"],
  ['no-cycle', 'src/base/ring-2.ts', "import type { A } from './ring.ts'; export type B = { a: A }"],
  ['no-barrel', 'src/manage/barrel.ts', "import '../client/index.ts'"],
  ['door-of-a-folder-only', 'src/manage/plan/index.ts', "export * from './plan.ts'"],
  ['real-world', 'src/client/real.ts', "import '../runtime/node/clock.ts'"],
  ['outside-modules', 'src/server/files.ts', "import { readFile } from 'node:fs/promises'; void readFile"],
  ['package-valibot', 'src/acme/schema.ts', "import 'valibot'"],
  ['package-yaml', 'src/plugins/yaml.ts', "import 'yaml'"],
  ['package-@valibot/to-json-schema', 'src/acme/json.ts', "import '@valibot/to-json-schema'"],
  ['package-commander', 'src/manage/arguments.ts', "import 'commander'"],
  ['package-@clack/prompts', 'src/manage/ask.ts', "import '@clack/prompts'"],
  ['package-@bomb.sh/tab', 'src/manage/tab.ts', "import '@bomb.sh/tab'"],
  ['package-hono', 'src/client/hono.ts', "import 'hono'"],
  ['package-nodemailer', 'src/plugins/notifiers/chat.ts', "import 'nodemailer/lib/smtp-connection'"],
  ['package-tldts', 'src/manage/domain.ts', "import 'tldts'"],
  ['package-unknown', 'src/client/unknown.ts', "import 'fast-check'"],
  ['unresolved', 'src/client/lost.ts', "import './nowhere.ts'"],
  ['manage-backwards', 'src/manage/observe/back.ts', "import '../execute/issue.ts'"],
  ['manage-notify-apart', 'src/manage/notify/acts.ts', "import '../execute/issue.ts'"],
  ['manage-plan-pure', 'src/manage/plan/impure.ts', "import '../observe/observe.ts'"],
  ['manage-execute-plan', 'src/manage/execute/plans.ts', "import '../plan/plan.ts'"],
  ['outside-globals', 'src/server/time.ts', 'export const now = Date.now()'],
  ['outside-globals', 'src/cli/arguments.ts', 'export const args = process.argv'],
]

async function writeTree(root: string, files: readonly (readonly [path: string, content: string])[]) {
  for (const [path, content] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), `${content}\n`)
  }
  await symlink(join(dirname(import.meta.dirname), 'node_modules'), join(root, 'node_modules'))
}

test('nothing is found in a tree that obeys', async () => {
  await using root = await tempDirectory()
  await writeTree(root.path, Object.entries(obedient))
  const report = await checkLayers(root.path)
  assert.deepEqual(report.violations, [])
  assert.equal(report.modules, Object.keys(obedient).length)
})

test('every planted violation is found, and every rule has one', async () => {
  await using root = await tempDirectory()
  const planted = plants.map(([, file, content]) => [file, content] as const)
  await writeTree(root.path, [...Object.entries(obedient), ...planted])
  const { violations } = await checkLayers(root.path)
  for (const [rule, file] of plants) {
    const found = violations.filter(text => text.startsWith(`${rule}: `) && text.includes(file))
    assert.ok(found.length > 0, `${rule} not found in ${file}`)
  }
  const strangers = violations.filter(
    text => !plants.some(([rule, file]) => text.startsWith(`${rule}: ${file}`)),
  )
  assert.deepEqual(strangers, [])
  assert.deepEqual(
    layerRules.map(({ name }) => name).filter(name => !plants.some(([rule]) => rule === name)),
    [],
  )
})

test('reading too little is a failure', async () => {
  await using root = await tempDirectory()
  await writeTree(root.path, Object.entries(obedient))
  const { exitCode, stdout, stderr } = await runProgram(requireProgram('node'), [
    join(import.meta.dirname, 'check-layers.ts'),
    root.path,
  ])
  assert.equal(exitCode, 1)
  assert.match(stdout, /, 0 violations/)
  assert.match(stderr, /only \d+ modules were read/)
})

const globalCases: readonly (readonly [text: string, names: readonly string[]])[] = [
  ['fetch(url)', ['fetch']],
  ['const f = fetch', ['fetch']],
  ['call({ request: fetch })', ['fetch']],
  ['globalThis.fetch(url)', ['fetch']],
  ['setTimeout(f, 1)', ['setTimeout']],
  ['setInterval(f, 1)', ['setInterval']],
  ['Date.now()', ['Date.now']],
  ['new Date()', ['new Date()']],
  ['Date()', ['Date()']],
  ['Math.random()', ['Math.random']],
  ["process.env['HOME']", ['process.env']],
  ['process.env.HOME', ['process.env']],
  ['process.argv[2]', ['process.argv']],
  ['new Date(0)', []],
  ['Math.floor(1.5)', []],
  ['cache.fetch(url)', []],
  ['const own = { fetch: other }', []],
  ['type Own = { fetch(): void; setTimeout: number }', []],
  ['function run(fetch: () => void) { fetch() }', []],
  ["import { setTimeout } from './own.ts'; setTimeout(1)", []],
  ["// fetch(url)\nconst text = 'Date.now()'", []],
]

for (const [text, names] of globalCases) {
  test(`${JSON.stringify(text)} uses ${names.length === 0 ? 'nothing outside' : names.join()}`, () => {
    assert.deepEqual(
      findOutsideGlobals('file.ts', text).map(({ name }) => name),
      names,
    )
  })
}

test('a use is reported with its line', () => {
  assert.deepEqual(findOutsideGlobals('file.ts', 'const a = 1\n\nDate.now()'), [
    { name: 'Date.now', line: 3 },
  ])
})
