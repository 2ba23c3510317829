/** What the documents say is so: links lead somewhere, commands are taken, examples of configuration are good. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { CommanderError } from 'commander'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { describedProgram } from '../../src/cli/program.ts'
import { createCsr } from '../../src/x509/csr.ts'
import { generateKey } from '../../src/x509/key.ts'
import { runCli } from '../support/cli.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const root = dirname(dirname(import.meta.dirname))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort()

test('every decision is in the list of decisions', () => {
  const list = read('docs/adr/README.md')
  const records = globSync('docs/adr/[0-9]*.md', { cwd: root }).map(path => basename(path))
  assert.deepEqual(
    records.filter(record => !list.includes(`(${record})`)),
    [],
  )
})

type Block = { readonly page: string; readonly language: string; readonly text: string }

/** Fenced blocks, those within lists included. */
const blocks: readonly Block[] = pages.flatMap(page =>
  [...read(page).matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map(
    ([, indent = '', language = '', text = '']) => ({
      page,
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  ),
)

test('there are documents to look at', () => {
  assert.ok(pages.includes('README.md') && blocks.length > 20)
})

for (const page of pages) {
  test(`links of ${page} lead somewhere`, () => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const local = targets.filter(target => !/^(https?:|mailto:)/.test(target))
    const broken = local.filter(target => !leadsSomewhere(page, target))
    assert.deepEqual(broken, [])
  })
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(root, page) : join(root, dirname(page), path)
  if (!existsSync(file)) return false
  if (anchor === undefined) return true
  const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text)
  return headings.some(
    text =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-') === anchor,
  )
}

// In shell blocks, and in code between words when it is a whole command; the reference is made from the program itself.
const written = pages.filter(page => !page.startsWith('docs/reference/'))
const shellLines = blocks
  .filter(({ page, language }) => written.includes(page) && (language === 'sh' || language === ''))
  .flatMap(({ text }) => text.split('\n'))
const codeBetweenWords = written.flatMap(page =>
  [...read(page).matchAll(/`(certwright [^`]+)`/g)].map(([, line = '']) => line),
)
const commands = [...shellLines, ...codeBetweenWords].flatMap(line =>
  [...line.matchAll(/(?:^|root |&& )certwright ([^#>|&]*)/g)].map(([, args = '']) => args.trim()),
)

test('the program takes every command that is written', async () => {
  assert.ok(commands.length > 20, `only ${commands.length} commands were found`)
  const refused = await Promise.all(commands.map(async args => ((await isTaken(args)) ? [] : [args])))
  assert.deepEqual(refused.flat(), [])
})

// Named without its arguments, as in running text, a command says what is missing: that is enough.
const taken = ['commander.missingArgument', 'commander.missingMandatoryOptionValue', 'commander.help']

async function isTaken(args: string): Promise<boolean> {
  const program = describedProgram()
  const all = [program, ...program.commands.flatMap(one => [one, ...one.commands])]
  for (const command of all) {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} })
  }
  try {
    await program.parseAsync(args.split(/\s+/), { from: 'user' })
    return true
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return taken.includes(error.code)
  }
}

for (const { page, text } of blocks.filter(({ language }) => language === 'yaml')) {
  test(`the configuration in ${page} that begins with "${text.split('\n')[0]}" is good`, async () => {
    await using directory = await tempDirectory()
    const file = join(directory.path, 'certwright.yaml')
    const csr = join(directory.path, 'made-elsewhere.csr')
    await writeFile(csr, createCsr([parseIdentifier('a.example')], await generateKey('ecdsa-p256')))
    await writeFile(file, text.replaceAll(/(?<=csr: )\/\S+/g, csr))
    const { exitCode, stderr } = await runCli([
      'config',
      'check',
      '--config',
      file,
      '--state',
      directory.path,
    ])
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
  })
}

test('every key of the configuration is explained and in an example', () => {
  const guide = read('docs/guides/configuration.md')
  const examples = blocks.filter(({ language }) => language === 'yaml').map(({ text }) => text)
  for (const key of keysOf(JSON.parse(read('docs/reference/configuration.schema.json')))) {
    assert.match(
      guide,
      new RegExp(`\`([\\w-]+\\.)?${key}\`|\`\\{[^\`]*\\b${key}\\b`),
      `${key} is not explained`,
    )
    assert.ok(
      key === 'env' || key === 'command' || examples.some(text => new RegExp(`\\b${key}:`).test(text)),
      `${key} is in no example`,
    )
  }
})

function keysOf(schema: unknown): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null) return new Set()
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : []
  return new Set([...own, ...Object.values(schema).flatMap(part => [...keysOf(part)])])
}

// Their fixed parts must be in the sources as they are written here.
test('the messages that the first guide explains are those of the program', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).filter(file => !file.endsWith('.test.ts'))
  const code = sources.map(read).join('\n')
  const rows = [...read('docs/guides/first-certificate.md').matchAll(/^\| `([^`]+)`.*\|$/gm)]
  assert.ok(rows.length > 20, `${rows.length} messages`)
  const absent = rows
    .flatMap(([, message = '']) => message.split(/\.\.\.|\b[A-Z]{3,}\b|\d+|[:;]? /))
    .filter(part => part.length > 3 && !code.includes(part))
  assert.deepEqual(absent, [])
})
