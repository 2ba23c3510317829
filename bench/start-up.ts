/**
 * How long `certwright status` with one certificate takes from start to end, beside a Node that does nothing.
 *
 * Needs `npm run build`. Both are started in turn by the Node that runs this file, so that no shim counts.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { nodeRuntime } from '../src/runtime/node/runtime.ts'
import { storeCertificates } from '../test/support/stored-state.ts'
import { tempDirectory } from '../test/support/temp-directory.ts'
import { median, printReport, readOptions, round } from './report.ts'

const maxRatio = 1.5
const defaultRuns = 31
/** One run takes some hundredths of a second. */
const runTimeoutMs = 10_000

const program = join(dirname(import.meta.dirname), 'dist', 'certwright.js')
if (!existsSync(program)) throw new Error('there is no dist: run npm run build')

const options = readOptions(defaultRuns)
await using directory = await tempDirectory()
const path = (name: string) => join(directory.path, name)
await storeCertificates(path('state'), ['www.example.com'], nodeRuntime().clock.now())
writeFileSync(path('certwright.yaml'), '')
writeFileSync(path('empty.mjs'), '')
writeFileSync(
  path('memory.mjs'),
  `process.on('exit', () => {
  const { rss, heapUsed } = process.memoryUsage()
  process.stderr.write(JSON.stringify({ rss, heapUsed }))
})`,
)

const flags = ['--config', path('certwright.yaml'), '--state', path('state')]
const contenders: Readonly<Record<string, readonly string[]>> = {
  'an empty file': [path('empty.mjs')],
  'certwright status': [program, 'status', ...flags],
  'certwright --version': [program, '--version'],
}

const samples = new Map(Object.keys(contenders).map(name => [name, [] as number[]]))
for (const args of Object.values(contenders)) run(args) // fills the caches of the system and of Node
for (let round = 0; round < options.runs; round += 1) {
  for (const [name, args] of Object.entries(contenders)) samples.get(name)?.push(run(args).ms)
}

const baseMs = median(samples.get('an empty file') ?? [])
const results = Object.entries(contenders).map(([name, args]) => {
  const ms = median(samples.get(name) ?? [])
  const { stderr } = run(['--import', path('memory.mjs'), ...args])
  const { rss, heapUsed } = JSON.parse(stderr) as { readonly rss: number; readonly heapUsed: number }
  return { name, ms, ratio: ms / baseMs, rssBytes: rss, heapBytes: heapUsed }
})
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
printReport(
  {
    tables: [
      [
        ['START TO END', 'MEDIAN', 'RATIO', 'RSS', 'HEAP'],
        ...results.map(({ name, ms, ratio, rssBytes, heapBytes }) => [
          ...[name, `${ms.toFixed(1)} ms`, round(ratio), megabytes(rssBytes), megabytes(heapBytes)],
        ]),
      ],
    ],
    targets: results
      .filter(({ name }) => name === 'certwright status')
      .map(({ name, ratio }) => ({ name: `${name}: times an empty file`, measured: ratio, limit: maxRatio })),
    facts: { runs: options.runs, results },
  },
  options,
)

function run(args: readonly string[]): { readonly ms: number; readonly stderr: string } {
  const begin = performance.now()
  const { status, stderr, error } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: runTimeoutMs,
    env: { PATH: process.env['PATH'], HOME: directory.path, TMPDIR: directory.path },
  })
  const ms = performance.now() - begin
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${error?.message ?? stderr}`)
  return { ms, stderr }
}
