/**
 * Runs the tests: `npm test` for all, `npm test -- nginx src/acme/order.test.ts` for some.
 *
 * An argument is a part of a path, or an option of `node --test` (`--test-name-pattern=…`). Each file runs in a process of
 * its own, with an environment that holds nothing that could change a result.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import process from 'node:process'

// The slow ones first, so that they do not run alone at the end.
const allTests = ['test/**/*.test.ts', 'tools/**/*.test.ts', 'src/**/*.test.ts']

// More than the two cores of a small machine, since end-to-end files mostly wait for their servers.
const filesAtOnce = 4

// For one test that sets no limit of its own; a whole file is limited by test-limit.ts.
const testLimitMs = 60_000

// When a process spins and its own limit cannot fire. Without it a run takes some ten minutes.
const runLimitMs = 20 * 60_000

// What a test may see of the environment: proxies, certificate overrides, NODE_OPTIONS and NODE_ENV are not among it.
const environmentNames = [
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'TERM',
  'CI',
  'NO_COLOR',
  'FORCE_COLOR',
  'GOBIN',
  'CERTWRIGHT_REQUIRE_SERVERS',
  'CERTWRIGHT_BIN',
]

const root = dirname(import.meta.dirname)
const args = process.argv.slice(2)
const options = args.filter(argument => argument.startsWith('-'))
const parts = args.filter(argument => !argument.startsWith('-'))
const files = allTests
  .flatMap(pattern => globSync(pattern, { cwd: root }).toSorted())
  .filter(file => parts.length === 0 || parts.some(part => file.includes(part)))
if (files.length === 0) {
  console.error(`error: no test file matches ${parts.join(' ')}`)
  process.exit(1)
}
console.log(`Node ${process.versions.node} (${process.execPath}), ${files.length} test files`)

const run = spawn(
  process.execPath,
  [
    '--import',
    './tools/test-limit.ts',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${testLimitMs}`,
    ...options,
    ...files,
  ],
  { stdio: 'inherit', env: cleanEnvironment(), cwd: root },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill(signal))
const limit = setTimeout(() => {
  console.error(`error: the tests took longer than ${runLimitMs / 60_000} minutes`)
  run.kill('SIGTERM')
}, runLimitMs)
run.on('exit', exitCode => {
  clearTimeout(limit)
  process.exitCode = exitCode ?? 1
})

function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = environmentNames.flatMap(name => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  return { ...Object.fromEntries(kept), PATH: path, LANG: 'C' }
}
