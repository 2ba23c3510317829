/**
 * Checks the package as users get it: packs it, lints it, installs it into an empty project, imports every sub-path,
 * compiles against its types, and runs the program. Needs `npm run build` before.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import packageFacts from '../package.json' with { type: 'json' }

const root = dirname(import.meta.dirname)
const tools = join(root, 'node_modules', '.bin')

// Everything here takes seconds, the demonstration included.
const commandMs = 60_000

if (!existsSync(join(root, 'dist'))) throw new Error('dist is missing: run npm run build first')

const project = mkdtempSync(join(tmpdir(), 'certwright-package-'))
try {
  const tarball = pack()
  run(join(tools, 'publint'), ['run', tarball, '--strict'])
  run(join(tools, 'attw'), [
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'table-flipped',
    '--no-emoji',
    '--no-color',
  ])
  install(tarball)
  importEverySubPath()
  compileAgainstTypes()
  runProgram()
  runOnOldestNode()
} finally {
  rmSync(project, { recursive: true, force: true })
}

function pack(): string {
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], root)
  const [name = ''] = readdirSync(project)
  const tarball = join(project, name)
  console.log(`${name}: ${Math.round(statSync(tarball).size / 1000)} kB`)
  return tarball
}

function install(tarball: string): void {
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module' }),
  )
  // Offline: the package has no dependencies, so nothing else may be needed.
  run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', tarball])
}

function subPaths(): readonly string[] {
  const doors = Object.keys(packageFacts.exports).filter(path => path !== './package.json')
  return doors.map(path => path.replace(/^\./, packageFacts.name))
}

function importEverySubPath(): void {
  const lines = subPaths().map(
    path =>
      `console.log(${JSON.stringify(path)}, 'exports', Object.keys(await import(${JSON.stringify(path)})).length)`,
  )
  writeFileSync(join(project, 'import.js'), lines.join('\n'))
  run(process.execPath, ['import.js'])
}

function compileAgainstTypes(): void {
  const names = subPaths().map((path, index) => [`door${index}`, path] as const)
  const lines = [
    ...names.map(([name, path]) => `import * as ${name} from '${path}'`),
    `console.log(${names.map(([name]) => name).join(', ')})`,
  ]
  writeFileSync(join(project, 'types.ts'), lines.join('\n'))
  // Everything below the doors is checked, so a type that comes from an inlined package would be found.
  const strict = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    'false',
    '--target',
    'es2024',
    '--module',
    'nodenext',
  ]
  const nodeTypes = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
  run(join(tools, 'tsc'), [...strict, ...nodeTypes, 'types.ts'])
}

function runProgram(): void {
  const version = run('npx', ['--no', packageFacts.name, '--', '--version'], project, 'pipe')
  if (version.trim() !== packageFacts.version) throw new Error(`--version says ${version}`)
  run('npx', ['--no', packageFacts.name, 'demo'])
}

// `engines` promises 22.18. `.ci/run` fetches a Node 22 into .cache; without one this says what it did not do.
function runOnOldestNode(): void {
  const [oldNode] = globSync('.cache/oldest-node/node_modules/node-*/bin/node', { cwd: root })
  if (oldNode === undefined) {
    console.log('not run on Node 22: there is none in .cache/oldest-node')
    return
  }
  const program = join('node_modules', packageFacts.name, packageFacts.bin.certwright)
  console.log(`Node ${run(join(root, oldNode), ['--version'], project, 'pipe').trim()}`)
  run(join(root, oldNode), [program, 'demo', '--quiet'])
}

function run(
  command: string,
  args: readonly string[],
  cwd = project,
  output: 'inherit' | 'pipe' = 'inherit',
): string {
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  return (
    execFileSync(command, args, {
      cwd,
      env: { ...env, PATH: path },
      encoding: 'utf8',
      stdio: ['ignore', output, 'inherit'],
      timeout: commandMs,
    }) ?? ''
  )
}
