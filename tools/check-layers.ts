/**
 * Checks that every import obeys the architecture and that only `src/runtime` reaches outside the process.
 *
 * `node tools/check-layers.ts [directory]`: the directory with `src` in it, this repository by default.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { layerRules } from './layers.ts'
import { findOutsideGlobals } from './outside-globals.ts'

/** What was found wrong, and how much was read. */
export type LayerReport = {
  readonly violations: readonly string[]
  readonly modules: number
  readonly dependencies: number
}

// A tool that cannot read TypeScript finds no module and no violation; we have more files than this.
const fewestModules = 30

/** Reads everything below `src` of a directory. */
export async function checkLayers(directory: string): Promise<LayerReport> {
  const { output } = await cruise(
    ['src'],
    {
      baseDir: directory,
      validate: true,
      ruleSet: { forbidden: [...layerRules] },
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
    },
    { exportsFields: ['exports'], conditionNames: ['node', 'import', 'default', 'types'] },
  )
  const { modules, summary } = output as ICruiseResult // it is text only where an output type was asked for
  const imports = summary.violations.map(
    ({ rule, from, to, cycle }) =>
      `${rule.name}: ${from} -> ${cycle === undefined ? to : cycle.map(({ name }) => name).join(' -> ')}`,
  )
  return {
    violations: [...imports, ...globalViolations(directory)],
    modules: modules.filter(({ source }) => source.startsWith('src/')).length,
    dependencies: modules.reduce((sum, { dependencies }) => sum + dependencies.length, 0),
  }
}

function globalViolations(directory: string): readonly string[] {
  const files = globSync('src/**/*.ts', { cwd: directory }).filter(file => !file.endsWith('.test.ts'))
  return files.flatMap(file =>
    findOutsideGlobals(file, readFileSync(join(directory, file), 'utf8'))
      .filter(({ name }) => !mayUse(file, name))
      .map(({ name, line }) => `outside-globals: ${file}:${line} uses ${name}`),
  )
}

function mayUse(file: string, name: string): boolean {
  if (name === 'process.argv') return file === 'src/cli/main.ts'
  return /^src\/(runtime|cli|testing)\//.test(file)
}

if (import.meta.main) {
  const directory = resolve(process.argv[2] ?? dirname(import.meta.dirname))
  const { violations, modules, dependencies } = await checkLayers(directory)
  for (const violation of violations) console.error(`error: ${violation}`)
  console.log(`${modules} modules, ${dependencies} dependencies, ${violations.length} violations`)
  if (modules < fewestModules) console.error(`error: only ${modules} modules were read`)
  if (violations.length > 0 || modules < fewestModules) process.exitCode = 1
}
