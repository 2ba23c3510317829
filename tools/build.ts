/**
 * Builds `dist`: the command line as one bundle, the public doors as another, the types, the licences.
 *
 * Third-party code is inlined, so that the package installs without dependencies; dynamic imports stay chunks of their
 * own, so that a command loads only what it needs. What starts fast, and why, is measured by `bench/start-up.ts`.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { type OutputChunk, type OutputOptions, type Plugin, rolldown } from 'rolldown'
import { licenceText } from './licences.ts'

const root = dirname(import.meta.dirname)
const dist = join(root, 'dist')

const program = 'certwright'
/** What `engines` in package.json promises; syntax that is newer is written in older words. */
const oldestNode = 'node22.18'
/** Built-in modules of functions alone: they can wait until one is called. */
const loadedWhenCalled: readonly string[] = ['node:fs/promises', 'node:timers/promises']
// Name in dist to source; package.json's `bin` and `exports` name the same files.
const programEntry: Readonly<Record<string, string>> = { [program]: 'src/cli/main.ts' }
const doors: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  acme: 'src/acme/index.ts',
  client: 'src/client/index.ts',
  server: 'src/server/index.ts',
  x509: 'src/x509/index.ts',
}

const missing = Object.values({ ...programEntry, ...doors }).filter(file => !existsSync(join(root, file)))
if (missing.length > 0) throw new Error(`entries are missing: ${missing.join(', ')}`)

rmSync(dist, { recursive: true, force: true })
const chunks = [
  // All that `status` needs in one file; the doors keep out of it, or each would load all of it.
  ...(await bundle(programEntry, { groups: [{ name: 'status', test: 'src/cli/quick-status.ts' }] })),
  ...(await bundle(doors)),
]
checkImports(chunks)
const modules = chunks.flatMap(({ moduleIds }) => moduleIds)
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.md'), licenceText(modules))
chmodSync(join(dist, `${program}.js`), 0o755)
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
console.log(
  `dist: ${chunks.length} files of code from ${modules.length} modules, ${totalKilobytes(dist)} kB in all`,
)

async function bundle(
  entries: Readonly<Record<string, string>>,
  codeSplitting: OutputOptions['codeSplitting'] = true,
): Promise<readonly OutputChunk[]> {
  const build = await rolldown({
    cwd: root,
    input: { ...entries },
    platform: 'node',
    plugins: [leanBuiltins()],
    transform: { target: oldestNode },
    // An import that cannot be resolved is only a warning to rolldown; here nothing may be left open.
    onLog: (level, { message }) => {
      if (level === 'warn') throw new Error(message)
    },
  })
  const { output } = await build.write({
    dir: dist,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting,
    banner: ({ name }) => (name === program ? '#!/usr/bin/env node' : ''),
  })
  await build.close()
  return output.filter(part => part.type === 'chunk')
}

/**
 * Takes from a built-in module only what is used. An import statement makes Node read every member of it, and some of
 * them load more: the standard streams in `node:process`, a parser of arguments in `node:util`, the promises of `node:fs`.
 */
function leanBuiltins(): Plugin {
  const importStatement = /^import (?:\* as )?([\w$]+|\{[^}]*\}) from "(node:[\w/]+)";$/gm
  return {
    name: 'lean-builtins',
    renderChunk: code =>
      code.replace(importStatement, (_, names: string, module: string) => {
        const builtin = `globalThis.process.getBuiltinModule("${module}")`
        if (!loadedWhenCalled.includes(module)) return `const ${names.replaceAll(' as ', ': ')} = ${builtin};`
        return Array.from(names.matchAll(/([\w$]+)(?: as ([\w$]+))?/g), ([, name, local = name]) => {
          return `const ${local} = (...args) => ${builtin}.${name}(...args);`
        }).join('\n')
      }),
  }
}

// A package that was not inlined would be missing after installation.
function checkImports(parts: readonly OutputChunk[]): void {
  const known = new Set([...parts.map(({ fileName }) => fileName), ...builtinModules])
  for (const { fileName, imports, dynamicImports } of parts) {
    const open = [...imports, ...dynamicImports].filter(name => !known.has(name.replace(/^node:/, '')))
    if (open.length > 0) throw new Error(`${fileName} still imports ${open.join(', ')}`)
  }
}

function totalKilobytes(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const bytes = files.map(file => statSync(join(directory, file))).filter(facts => facts.isFile())
  return Math.round(bytes.reduce((sum, { size }) => sum + size, 0) / 1000)
}
