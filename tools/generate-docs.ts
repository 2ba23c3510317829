/**
 * Generates the documents that restate the code, and puts the examples into the guide that explains them.
 *
 * `npm run docs` writes them; a test fails when one is stale.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { errorCodes } from '../src/base/errors.ts'
import { describedProgram } from '../src/cli/program.ts'
import { hardenedSettings } from '../src/harden/harden.ts'
import { parseVersion } from '../src/harden/version.ts'
import { configJsonSchema } from '../src/manage/config/json-schema.ts'

const root = dirname(import.meta.dirname)

/** A file as it should be; its path is relative to the repository. */
export type GeneratedFile = { readonly path: string; readonly text: string }

/** Every generated file. */
export function generateDocs(): readonly GeneratedFile[] {
  return [
    { path: 'docs/errors.md', text: errorsPage() },
    { path: 'docs/reference/commands.md', text: commandsPage(describedProgram()) },
    { path: 'docs/reference/configuration.schema.json', text: json(configJsonSchema()) },
    { path: 'docs/reference/servers.md', text: serversPage() },
    { path: 'docs/guides/tls-settings.md', text: withSettings(readText('docs/guides/tls-settings.md')) },
    { path: 'docs/guides/library.md', text: withExamples(readText('docs/guides/library.md')) },
  ]
}

/** Reads a file of the repository. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => `| \`${code}\` | ${cell(meaning)} |`)
  return page('Errors', 'src/base/errors.ts', [
    'Every failure has one of these codes: in `error.code` of the library, in `error.code` of `--json`, and on the command',
    'line with `--verbose`. Codes are stable; the words of a message are not. A message says what failed on what, a hint',
    'what can be done.',
    '',
    '| code | meaning |',
    '|---|---|',
    ...rows,
  ])
}

function commandsPage(program: Command): string {
  const commands = leaves(program)
  return page('Commands', 'src/cli/program.ts', [
    'Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 something failed, 2 the',
    'command line or the configuration is wrong, 3 nothing to do (with `--detailed-exitcode`). With `--json` every command',
    'prints one document: see [json.md](../guides/json.md).',
    '',
    ...commands.map(command => `- [\`${pathOf(command)}\`](#${anchorOf(command)})`),
    '',
    '## Options of every command',
    '',
    ...optionsTable(program),
    ...commands.flatMap(command => [
      '',
      `## ${pathOf(command)}`,
      '',
      `\`${[pathOf(command), command.usage()].join(' ')}\``,
      '',
      sentence(command.description()),
      ...(command.options.length === 0 ? [] : ['', ...optionsTable(command)]),
    ]),
  ])
}

/** What a test of a server has written down: see `noteResult` in test/servers. */
type ServerResult = {
  readonly server: string
  /** Another way to configure it. */
  readonly variant?: string
  readonly reads: 'live' | 'copies'
  readonly dialogues: readonly string[]
  readonly test: string
  readonly reload: string
  readonly readsByItself: boolean
}

function serversPage(): string {
  const rows = globSync('docs/reference/servers/*.json', { cwd: root })
    .sort()
    .map(path => JSON.parse(readText(path)) as ServerResult) // written by the tests alone
    .map(({ server, variant, reads, dialogues, test, reload, readsByItself }) => {
      const files = reads === 'live' ? '`live/NAME`' : 'its own'
      const effect = readsByItself ? 'reads by itself' : 'kept'
      const wrongKey = readsByItself ? 'mended by the next run' : 'kept'
      const name = variant === undefined ? server : `${server} (${variant})`
      return `| ${name} | ${files} | ${dialogues.join(', ')} | ${cell(test)} | ${cell(reload)} | kept | ${effect} | ${wrongKey} |`
    })
  return page(
    'Servers and what was proven with them',
    'docs/reference/servers, which the tests of the servers write',
    [
      "Each row is a test (`test/servers`) that runs with Debian's package of the server: a certificate is obtained from Pebble,",
      'delivered, seen with openssl in each of these dialogues, delivered once only, and renewed. Then come three faults: a',
      'configuration that the server does not accept, a reload without effect, and a key that does not belong to the certificate.',
      'With each the earlier certificate has to stay served, the report has to say what is wrong, files have to go back as they',
      'were, and all has to be well after the fault is gone. The test fails when a row is not what it has seen. A server that reads',
      'files by itself uses a wrong key, too, until the next run of Certwright has put the right one back.',
      '',
      '| server | reads | seen by | tested by | told by | broken configuration | reload without effect | wrong key |',
      '|---|---|---|---|---|---|---|---|',
      ...rows,
      '',
      'How to configure each: [Certificates for every server](../guides/deploy-servers.md).',
    ],
  )
}

/** Commands that do something: those without commands below them. */
function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
}

function pathOf(command: Command): string {
  const above = command.parent
  return above === null ? command.name() : `${pathOf(above)} ${command.name()}`
}

// The way GitHub makes anchors of headings.
function anchorOf(command: Command): string {
  return pathOf(command).replaceAll(' ', '-')
}

function optionsTable(command: Command): readonly string[] {
  const help = command.createHelp()
  const rows = command.options.map(
    option =>
      `| \`${cell(option.flags)}\` | ${cell(help.optionDescription(option))}${option.mandatory ? ' (required)' : ''} |`,
  )
  return ['| option | |', '|---|---|', ...rows]
}

/** Replaces what follows `<!-- example: FILE -->` by the file. */
function withExamples(text: string): string {
  return text.replace(
    /^<!-- example: (\S+) -->\n```ts\n.*?^```$/gms,
    (_, file: string) => `<!-- example: ${file} -->\n\`\`\`ts\n${readText(file)}\`\`\``,
  )
}

/** Replaces what follows `<!-- tls snippet: SERVER VERSION LIBRARY-VERSION -->` by what the command prints for these. */
function withSettings(text: string): string {
  return text.replace(
    /^<!-- tls snippet: (\S+) (\S+) (?:(openssl|gnutls)-)?(\S+) -->\n```\n.*?^```$/gms,
    (_, server: string, version: string, kind: 'openssl' | 'gnutls' | undefined, library: string) => {
      const snippet = hardenedSettings(server, {
        profile: 'intermediate',
        version: parseVersion(version),
        library: kind && { kind, version: parseVersion(library) ?? [] },
      })
      return `<!-- tls snippet: ${server} ${version} ${kind === undefined ? '' : `${kind}-`}${library} -->\n\`\`\`\n${snippet.text}\`\`\``
    },
  )
}

function page(title: string, source: string, lines: readonly string[]): string {
  return [`<!-- Generated from ${source} by npm run docs. -->`, `# ${title}`, '', ...lines, ''].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

if (import.meta.main) {
  for (const { path, text } of generateDocs()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(path)
  }
}
