/** `certwright tls snippet SERVER`. */
import { resolve } from 'node:path'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { detectServer, type Installed } from '../../harden/detect.ts'
import { findServer, hardenedSettings } from '../../harden/harden.ts'
import type { HardenedSettings } from '../../harden/hardened-settings.ts'
import type { HstsStep } from '../../harden/hsts.ts'
import type { Profile } from '../../harden/profiles.ts'
import { beginning } from '../../harden/render.ts'
import type { HardenedServer } from '../../harden/server.ts'
import type { Version } from '../../harden/version.ts'
import { livePath } from '../../manage/store/paths.ts'
import { ocspResponder } from '../../x509/ocsp.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { findStored } from '../stored.ts'

export type SnippetFlags = {
  readonly args: readonly string[]
  readonly profile: Profile
  readonly explain?: boolean
  readonly for?: string
  readonly hsts: HstsStep | 'off'
  readonly dhe?: string
  readonly program?: string
  readonly serverVersion?: Version
  readonly opensslVersion?: Version
  readonly gnutlsVersion?: Version
  readonly output?: string
  readonly check?: boolean
  readonly challenge?: boolean
  readonly webroot?: string
}

const settingsFileMode = 0o644

/** Prints TLS settings for a server, or writes them to a file; with `--challenge` the location for http-01. */
export async function tlsSnippet(context: CommandContext, flags: SnippetFlags): Promise<CommandResult> {
  if (flags.challenge === true) {
    const { printChallengeSnippet } = await import('./challenge-snippet.ts')
    return printChallengeSnippet(context, flags)
  }
  refuseOdd(flags)
  const server = findServer(flags.args[0] ?? '')
  const { version, library } = await knownOf(server, flags, context)
  const settings = hardenedSettings(server.name, {
    ...{ version, library, profile: flags.profile, explain: flags.explain, dhFile: flags.dhe },
    hsts: flags.hsts === 'off' ? undefined : flags.hsts,
    staple: flags.for === undefined ? false : await namesResponder(flags.for, context),
    madeBy: commandOf(server, flags),
  })
  for (const text of settings.warnings) {
    context.onEvent({ certificate: undefined, step: 'deploying', level: 'warning', text })
  }
  if (flags.output === undefined)
    return { exitCode: exitCodes.done, text: settings.text, json: toJson(settings) }
  return await writeSettings(
    settings,
    { server, file: resolve(flags.output), check: flags.check === true },
    context,
  )
}

function refuseOdd({ webroot, check, output }: SnippetFlags): void {
  if (webroot !== undefined) {
    throw new AppError('ERR_USAGE', '--webroot goes with --challenge', {
      hint: 'certwright tls snippet nginx --challenge --webroot /var/www/letsencrypt',
    })
  }
  if (check === true && output === undefined) {
    throw new AppError('ERR_USAGE', '--check goes with --output', {
      hint: 'certwright tls snippet SERVER --output FILE --check',
    })
  }
}

/** What was said on the command line; this machine is asked for the rest. */
async function knownOf(
  server: HardenedServer,
  { serverVersion, opensslVersion, gnutlsVersion, program }: SnippetFlags,
  { runtime, signal }: CommandContext,
): Promise<Pick<Installed, 'version' | 'library'>> {
  const version = opensslVersion ?? gnutlsVersion
  const library = version && ({ kind: opensslVersion === undefined ? 'gnutls' : 'openssl', version } as const)
  // Settings for another machine must not depend on what is installed on this one.
  if (serverVersion !== undefined || library !== undefined) {
    return { ...(serverVersion && { version: serverVersion }), ...(library && { library }) }
  }
  return await detectServer(server, runtime, { program, signal })
}

async function namesResponder(text: string, context: CommandContext): Promise<boolean> {
  const name = await findStored(context, text)
  const pem = await context.runtime.files.read(`${livePath(context.state, name)}/cert.pem`)
  if (pem !== undefined) return ocspResponder(new TextDecoder().decode(pem)) !== undefined
  throw new AppError('ERR_NOT_FOUND', `${name} has no certificate yet, so it is not known if it has OCSP`, {
    hint: `issue it first (certwright apply --only ${name}), or leave --for away`,
  })
}

/** The same command again makes the same text, so what does not change the text is left out. */
function commandOf({ name }: HardenedServer, flags: SnippetFlags): string {
  const option = (flag: string, value: string | undefined) => (value === undefined ? [] : [flag, value])
  const { profile, hsts, serverVersion, opensslVersion, gnutlsVersion } = flags
  return [
    ...['certwright', 'tls', 'snippet', name, '--profile', profile],
    ...option('--hsts', hsts === 'off' ? undefined : hsts),
    ...option('--for', flags.for && printable(flags.for)),
    ...option('--dhe', flags.dhe && printable(flags.dhe)),
    ...option('--program', flags.program && printable(flags.program)),
    ...option('--server-version', serverVersion?.join('.')),
    ...option('--openssl-version', opensslVersion?.join('.')),
    ...option('--gnutls-version', gnutlsVersion?.join('.')),
    ...(flags.explain === true ? ['--explain'] : []),
  ].join(' ')
}

async function writeSettings(
  settings: HardenedSettings,
  {
    server,
    file,
    check,
  }: { readonly server: HardenedServer; readonly file: string; readonly check: boolean },
  { runtime: { files } }: CommandContext,
): Promise<CommandResult> {
  const present = await files.read(file)
  const text = present && new TextDecoder().decode(present)
  const current = text === settings.text
  const shown = printable(file)
  const json = { ...toJson(settings), file, current }
  if (current) return { exitCode: exitCodes.done, text: `${shown} is as it should be\n`, json }
  if (check) {
    const what = present === undefined ? `there is no ${shown}` : `${shown} is not what would be written`
    return { exitCode: exitCodes.failed, text: `${what}; leave --check away to write it\n`, json }
  }
  // It may be the server's whole configuration.
  if (text !== undefined && text !== '' && !text.startsWith(`${server.comment} ${beginning(server)}`)) {
    throw new AppError('ERR_USAGE', `${shown} is there and was not written by tls snippet`, {
      hint: `choose a file of its own${server.added === true ? `, or print it and add it to ${server.file} by hand` : ''}; or remove that one first`,
    })
  }
  await files.replace(file, settings.text, settingsFileMode).catch((cause: unknown) => {
    throw new AppError('ERR_CONFIG_READ', `cannot write ${shown}: ${messageOf(cause)}`, {
      hint: 'choose a directory that is there and that you may write to',
      cause,
    })
  })
  return { exitCode: exitCodes.done, text: `wrote ${shown}; now: ${settings.apply}\n`, json }
}

function toJson({ text, blocks, ...settings }: HardenedSettings) {
  return {
    ...settings,
    settings: blocks.flatMap(({ place, settings: lines }) => lines.map(line => ({ place, ...line }))),
    snippet: text,
  }
}
