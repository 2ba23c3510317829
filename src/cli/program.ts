/** The table of commands. Each one is loaded when it is chosen. */
import { CommanderError, InvalidArgumentError, Option, Command as Program } from 'commander'
import { isMailAddress } from '../acme/account.ts'
import { revocationReasons } from '../acme/revocation.ts'
import { parseDurationMs } from '../base/duration.ts'
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { hstsStepNames } from '../harden/hsts.ts'
import { profiles } from '../harden/profiles.ts'
import { parseVersion, type Version } from '../harden/version.ts'
import { startTlsProtocols } from '../runtime/network.ts'
import { gradesToDemand } from '../tls-scan/grades.ts'
import { accountKeyAlgorithms, type KeyType, keyTypes } from '../x509/key-types.ts'
import { type Command, type ExitCode, exitCodes, type GlobalOptions } from './command.ts'
import type { Run } from './run.ts'
import { version } from './version.ts'

/** Runs the command that the arguments name and prints its result. Never throws. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done
  const program = createProgram(async (globals, run) => {
    const { runCommand } = await import('./run.ts')
    exitCode = await runCommand(globals, run)
  })
  try {
    if (args.includes('completion') || args.includes('complete')) {
      await (await import('./commands/completion.ts')).addCompletion(program)
    } else describeCompletion(program)
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    exitCode = error.exitCode === 0 ? exitCodes.done : await refuseUsage(error, { args, program })
  }
  return exitCode
}

/** The table of commands for the documentation and its tests: it parses, and runs nothing. */
export function describedProgram(): Program {
  const program = createProgram(async () => {})
  describeCompletion(program)
  return program
}

type Runner = (globals: GlobalOptions, run: Run) => Promise<void>

type Invocation = { readonly args: readonly string[]; readonly program: Program }

/** Reports a mistake in the command line like every other error; where help was printed instead, that is enough. */
async function refuseUsage(error: CommanderError, invocation: Invocation): Promise<ExitCode> {
  const json = invocation.args.includes('--json')
  const helped = error.code === 'commander.help'
  if (helped && !json) return exitCodes.usage
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n(Did you mean ')
  const what = helped ? 'no command was given' : printable(message.replace(/\.$/, ''))
  const hint =
    suggestion === undefined ? helpOf(invocation) : `did you mean ${suggestion.replace(/\?\)$/, '')}?`
  const { reportError } = await import('./run.ts')
  reportError(new AppError('ERR_USAGE', what, { hint }), {
    json,
    color: !invocation.args.includes('--no-color'),
  })
  return exitCodes.usage
}

/** `certwright account register --help`, for the command that the arguments come closest to. */
function helpOf({ args, program }: Invocation): string {
  let command = program
  for (const arg of args) command = command.commands.find(sub => sub.name() === arg) ?? command
  const names = command === program ? [] : [command.name()]
  if (command.parent !== null && command.parent !== program) names.unshift(command.parent.name())
  return ['certwright', ...names, '--help'].join(' ')
}

// The real command comes with a package of its own, which is loaded only where it is wanted.
function describeCompletion(program: Program): void {
  program.command('completion <shell>').description('print a completion script: bash, zsh, fish')
}

function createProgram(runner: Runner): Program {
  const program = new Program('certwright')
    .description(
      'TLS certificates that look after themselves: obtained, renewed in time, delivered, and proven on the wire.',
    )
    .version(version, '--version')
    .helpOption('-h, --help', 'show help')
    .option(
      '--config <file>',
      'configuration file (default: $CERTWRIGHT_CONFIG, /etc/certwright/certwright.yaml)',
      parseGiven,
    )
    .option(
      '--state <directory>',
      'where keys and certificates are kept (default: $CERTWRIGHT_STATE, /var/lib/certwright)',
      parseGiven,
    )
    .option('--authority <name|url>', 'the CA: a known name, or the URL of its ACME directory')
    .option(
      '--trust <file>',
      'PEM file with the roots of that directory’s own TLS certificate; for tls grade, of the server’s',
      parseGiven,
    )
    .option('--json', 'print one JSON document instead of text')
    .option('--quiet', 'print nothing but results and errors')
    .option('--verbose', 'print more about what is done')
    .option('--no-color', 'plain text')
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: () => {} }) // runProgram reports it
    .addHelpText('before', examples)

  const define = <Options>(
    parent: Program,
    usage: string,
    summary: string,
    load: () => Promise<Command<Options & { readonly args: readonly string[] }>>,
  ): Program =>
    parent
      .command(usage)
      .description(summary)
      .action(async (...values: unknown[]) => {
        const command = values.at(-1) as Program // commander hands over the command last
        const options = { ...command.opts(), args: command.args } as Options & {
          readonly args: readonly string[]
        }
        await runner(program.opts<GlobalOptions>(), async context => (await load())(context, options))
      })

  define(
    program,
    'demo',
    'try everything on this machine: embedded CA, TLS site, issue, deploy, verify, renew; no network',
    async () => (await import('./commands/demo.ts')).demo,
  )
    .option('--keep', 'leave the site running until Ctrl-C')
    .option('--no-nginx', 'use the built-in TLS site even where nginx is installed')

  define(
    program,
    'issue [name...]',
    'obtain a certificate, deliver it, and keep it renewed',
    async () => (await import('./commands/issue.ts')).issue,
  )
    .option('--name <name>', 'name of the entry (default: the first name)')
    .option(
      '--webroot <directory>',
      'answer http-01 through files below this directory of the running web server',
      parseGiven,
    )
    .option('--standalone', 'answer http-01 on port 80 itself; nothing else may listen there')
    .option(
      '--http-port <port>',
      'the port of http-01, for tests and port forwarding (default: 80)',
      parsePort,
    )
    .option('--no-self-check', 'do not look at the challenge before the CA does')
    .option(
      '--deploy <target>',
      'deliver to a server such as nginx, or copies to files:DIR (repeatable)',
      collect,
    )
    .option(
      '--nginx-config <file>',
      'main configuration file of nginx, where it is not the usual one',
      parseGiven,
    )
    .option('--email <address>', 'contact for the account at the CA', parseMailAddress)
    .option('--agree-terms', 'agree to the terms of service of the CA')
    .addOption(
      new Option('--key <type>', 'kind of the key; twice for an ECDSA and an RSA certificate')
        .choices([...keyTypes])
        .argParser(collectKeyTypes),
    )
    .option('--reuse-key', 'keep the key at renewals')
    .option(
      '--csr <file>',
      'use this signing request (PEM or DER), made where the key is; its names, its key',
      parseGiven,
    )
    .option('--profile <name>', 'certificate profile, where the CA offers some', parseGiven)
    .option(
      '--preferred-chain <root>',
      'common name of the root, where the CA offers several chains',
      parseGiven,
    )

  for (const name of ['install', 'uninstall'] as const) {
    const command = define(
      program,
      `${name} <server> <name>`,
      name === 'install'
        ? 'edit the configuration of nginx or apache so that it uses a certificate; shows the changes first'
        : 'take back what install has edited',
      async () => (await import('./commands/install.ts'))[name],
    )
      .option(
        '--server-config <file>',
        'main configuration file of the server, where it is not the usual one',
        parseGiven,
      )
      .option('--dry-run', 'print the changes as a unified diff, change nothing')
      .option('--yes', 'do not ask')
    if (name === 'uninstall') {
      command.option('--forget', 'the lines were taken out by hand: only forget that they were there')
      continue
    }
    command
      .option('--redirect', 'send plain requests on to https')
      .option('--no-redirect', 'no longer')
      .addOption(
        new Option(
          '--hsts [step]',
          'have browsers come back by https only, for so long (default: 5m)',
        ).choices([...hstsStepNames]),
      )
      .option('--no-hsts', 'no longer')
      .addOption(
        new Option(
          '--profile <profile>',
          'of the TLS settings, in Mozilla’s guideline (default: intermediate)',
        ).choices(['modern', 'intermediate']),
      )
      .option(
        '--server-name <name>',
        'the server blocks or virtual hosts that have this name, as it stands there, instead of those of the certificate’s names (repeatable)',
        collect,
      )
      .option(
        '--https-port <port>',
        'the port of https, for tests and port forwarding (default: 443)',
        parsePort,
      )
  }

  define(
    program,
    'plan',
    'what would be done now, and why; changes nothing',
    async () => (await import('./commands/plan.ts')).plan,
  )
    .option('--only <name>', 'only this certificate (repeatable)', collect)
    .option('--force <name>', 'as if this certificate were due (repeatable)', collect)
    .option('--all-at-once', 'as apply --all-at-once would do it')
    .option(
      '--forecast <duration>',
      'the calendar of coming renewals instead, and the load of each day: 60d',
      parseDuration,
    )
    .option('--detailed-exitcode', 'end with exit code 3 when there is nothing to do')

  for (const name of ['apply', 'renew']) {
    define(
      program,
      name,
      name === 'apply'
        ? 'make everything as configured: issue, renew, deliver what is due'
        : 'the same as apply',
      async () => (await import('./commands/apply.ts')).apply,
    )
      .allowExcessArguments() // so that it can say what to write instead
      .option('--only <name>', 'only this certificate (repeatable)', collect)
      .option('--force <name>', 'renew this certificate even when it is not due (repeatable)', collect)
      .option('--all-at-once', 'replace most certificates together while they are still good')
      .option('--dry-run', 'print what would be done, change nothing')
      .option('--detailed-exitcode', 'end with exit code 3 when there is nothing to do')
  }
  define(
    program,
    'deploy <name>',
    'deliver a stored certificate to its servers again',
    async () => (await import('./commands/apply.ts')).deploy,
  )
  define(
    program,
    'run',
    'stay, and do at the right instants what apply does; for a service manager',
    async () => (await import('./commands/daemon.ts')).run,
  )
  define(
    program,
    'status',
    'all certificates: how long they are good, when they are renewed, where they are',
    async () => (await import('./commands/status.ts')).status,
  )
  define(
    program,
    'show <name>',
    'everything about one certificate',
    async () => (await import('./commands/show.ts')).show,
  )
  define(
    program,
    'explain <name>',
    'a timeline: what happened, what is served where, what comes next and when',
    async () => (await import('./commands/explain.ts')).explain,
  )
  define(
    program,
    'history <name>',
    'what happened to a certificate',
    async () => (await import('./commands/history.ts')).history,
  )
  define(
    program,
    'verify [name-or-endpoint...]',
    'ask endpoints what they serve and compare: all that are configured, of one certificate, or HOST:PORT, smtp://HOST, ...',
    async () => (await import('./commands/verify.ts')).verify,
  )
    .option('--server-name <name>', 'the name to ask for at the endpoints that are given', parseGiven)
    .option('--certificate <name>', 'they must show the newest certificate of this entry', parseGiven)
    .option('--roots <file>', 'PEM file with roots that are trusted beside those of this machine', parseGiven)
    .option(
      '--warn-before <duration>',
      'fail when one ends sooner (default: 21d, or a quarter of a shorter life)',
      parseDuration,
    )
    .option(
      '--watch [interval]',
      'look again and again, and print what has changed (default: 60s)',
      parseWatch,
    )
  define(
    program,
    'check [name]',
    'look at all that an issuance needs: DNS, CAA, the way to port 80, servers, clock, account, limits',
    async () => (await import('./commands/check.ts')).check,
  )
  define(
    program,
    'rehearse <name>',
    'the whole renewal with a staging CA: challenge, delivery, a look at every endpoint, and all put back',
    async () => (await import('./commands/rehearse.ts')).rehearseCommand,
  )
    .option('--no-deploy', 'leave servers alone: only test their configuration')
    .option('--yes', 'do not ask')
  define(
    program,
    'simulate',
    'play years of renewals through, against the limits of the CA, in seconds; sends nothing',
    async () => (await import('./commands/simulate.ts')).simulateCommand,
  )
    .option('--certificates <number>', 'so many invented ones (default: those of the configuration)')
    .option('--per-domain <number>', 'how many of the invented ones are under one registered domain', '1')
    .option('--years <number>', 'how long', '1')
    .option('--lifetime <duration>', 'how long a certificate lives', '90d')
    .option('--new [duration]', 'all are yet to be issued, spread over this time (default: 1d)')
    .option('--no-renewal-info', 'the CA does not advise when to renew')
    .option('--failures <share>', 'how many orders fail validation', '1%')
    .option('--outage <after+length>', 'the CA is away: 30d+12h (repeatable)', collect)
    .option(
      '--limit <name=size>',
      'another limit than the published one: new-orders=1000/3h, or new-orders=none (repeatable)',
      collect,
    )
    .option('--no-ledger', 'order without regard to the limits, to see what would come of it')
    .option('--seed <number>', 'another seed is another chance', '1')
  define(
    program,
    'revoke <name>',
    'revoke a certificate at its CA',
    async () => (await import('./commands/revoke.ts')).revoke,
  )
    .addOption(
      new Option('--reason <reason>', 'why').choices(Object.keys(revocationReasons)).default('unspecified'),
    )
    .option('--yes', 'do not ask')
  define(
    program,
    'delete <name>',
    'forget a certificate and remove its files',
    async () => (await import('./commands/delete.ts')).deleteCertificate,
  )
    .option('--yes', 'do not ask')
    .option('--force', 'also when a server still uses its files')

  const account = program.command('account').description('the account at the CA')
  define(
    account,
    'show',
    'what is stored, and what the CA says',
    async () => (await import('./commands/account.ts')).showAccount,
  )
  define(
    account,
    'register',
    'register an account',
    async () => (await import('./commands/account.ts')).registerAccountCommand,
  )
    .option('--email <address>', 'contact', parseMailAddress)
    .option('--agree-terms', 'agree to the terms of service of the CA')
    .addOption(new Option('--key <algorithm>', 'kind of the account key').choices([...accountKeyAlgorithms]))
    .option('--eab-key-id <id>', 'key id of an external account', parseGiven)
    .option('--eab-hmac-file <file>', 'file with the HMAC key of the external account', parseGiven)
    .option('--new', 'put the stored account aside and make another')
  define(
    account,
    'update',
    'change the contact',
    async () => (await import('./commands/account.ts')).updateAccount,
  ).requiredOption('--email <address>', 'new contact', parseMailAddress)
  define(
    account,
    'rollover',
    'replace the account key',
    async () => (await import('./commands/account.ts')).rolloverAccount,
  ).addOption(new Option('--key <algorithm>', 'kind of the new key').choices([...accountKeyAlgorithms]))
  define(
    account,
    'deactivate',
    'end the account at the CA, for good',
    async () => (await import('./commands/account.ts')).deactivateAccount,
  ).option('--yes', 'do not ask')

  const config = program.command('config').description('the configuration')
  define(
    config,
    'check',
    'report every mistake',
    async () => (await import('./commands/config.ts')).checkConfig,
  )
  define(
    config,
    'show',
    'print it with all defaults',
    async () => (await import('./commands/config.ts')).showConfig,
  )
  define(
    config,
    'schema',
    'print its JSON Schema, for editors',
    async () => (await import('./commands/config.ts')).configSchema,
  )

  const notify = program.command('notify').description('who is told what happens')
  define(
    notify,
    'test',
    'send a test by every notifier, and say what each one answered',
    async () => (await import('./commands/notify.ts')).notifyTest,
  ).option('--only <name>', 'only this notifier, such as email or slack-2 (repeatable)', collect)

  const tls = program.command('tls').description('TLS settings of servers')
  define(
    tls,
    'snippet <server>',
    'print hardened TLS settings for a server, fitted to its version; or the location for challenges',
    async () => (await import('./commands/tls-snippet.ts')).tlsSnippet,
  )
    .addOption(
      new Option('--profile <profile>', "of Mozilla's guideline")
        .choices([...profiles])
        .default('intermediate'),
    )
    .option('--explain', 'say for each line why it is there and what it costs')
    .option('--for <name>', 'for this certificate: with OCSP stapling where it names a responder')
    .addOption(
      new Option('--hsts <step>', 'for web servers: browsers come back by https alone, for so long')
        .choices([...hstsStepNames, 'off'])
        .default('off'),
    )
    .option('--dhe <file>', 'offer DHE, too, with the group of RFC 7919 in this file', parseGiven)
    .option('--program <file>', 'the program of the server, where it is not a usual one', parseGiven)
    .option('--server-version <version>', 'for a server of another machine', parseVersionOption)
    .addOption(
      new Option('--openssl-version <version>', 'that the server is linked with')
        .argParser(parseVersionOption)
        .conflicts('gnutlsVersion'),
    )
    .option('--gnutls-version <version>', 'that the server is linked with', parseVersionOption)
    .option('--output <file>', 'write it there instead, if it is not there yet', parseGiven)
    .option('--check', 'with --output: write nothing, end with exit code 1 when the file is another')
    .option('--challenge', 'the location that answers http-01 instead (nginx)')
    .option(
      '--webroot <directory>',
      'with --challenge: where the challenge files lie (default: the configured one)',
      parseGiven,
    )
  define(
    tls,
    'grade <host>',
    'look at all that a server agrees to, grade it as SSL Labs does, and say what to change: HOST, HOST:PORT, smtp://HOST',
    async () => (await import('./commands/tls-grade.ts')).tlsGrade,
  )
    .option('--server-name <name>', 'what clients call the server (default: the host)', parseGiven)
    .addOption(
      new Option('--starttls <protocol>', 'the protocol in which TLS begins later').choices([
        ...startTlsProtocols,
      ]),
    )
    .option('--http-port <port>', 'the port of plain HTTP (default: 80 where TLS is on 443)', parsePort)
    .addOption(
      new Option('--min <grade>', 'exit with 1 when the grade is worse than this').choices([
        ...gradesToDemand,
      ]),
    )

  return program
}

const examples = `Examples:
  certwright issue example.com www.example.com --webroot /var/www/letsencrypt \\
      --deploy nginx --email admin@example.com --agree-terms
  certwright status
  certwright apply          renew what is due; run it daily
  certwright demo           try it without a network
`

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function parseVersionOption(value: string): Version {
  const version = /^\d+(\.\d+)*[a-z]?$/.test(value) ? parseVersion(value) : undefined
  if (version !== undefined) return version
  throw new InvalidArgumentError('Write it like 1.22.1.')
}

function collectKeyTypes(value: string, earlier: readonly KeyType[] = []): readonly KeyType[] {
  const keyType = keyTypes.find(one => one === value)
  if (keyType !== undefined) return [...earlier, keyType]
  throw new InvalidArgumentError(`Allowed choices are ${keyTypes.join(', ')}.`) // as of `choices`
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new InvalidArgumentError('It is not a port from 1 to 65535')
}

/** Milliseconds. */
function parseDuration(text: string): number {
  try {
    return parseDurationMs(text)
  } catch {
    throw new InvalidArgumentError('It is not a duration such as 60d or 12h')
  }
}

/** Milliseconds. What follows `--watch` belongs to it, also where an endpoint was meant. */
function parseWatch(text: string): number {
  try {
    return parseDurationMs(text)
  } catch {
    throw new InvalidArgumentError('It is not a duration such as 30s; without one, --watch stands last')
  }
}

// An empty path, usually a variable that is not set, would mean the current directory.
function parseGiven(text: string): string {
  if (text.trim() !== '') return text
  throw new InvalidArgumentError('It is empty')
}

function parseMailAddress(text: string): string {
  if (isMailAddress(text)) return text
  throw new InvalidArgumentError('It is not a mail address such as admin@example.com')
}
