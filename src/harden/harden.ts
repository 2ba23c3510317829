/** Hardened TLS settings for a server, as the text of a configuration file. */
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { suggest } from '../base/suggest.ts'
import { type FittedTls, fitProfile } from './fitted.ts'
import type { HardenedSettings, HardeningOptions } from './hardened-settings.ts'
import { formatLibrary } from './library.ts'
import { profileValues } from './profiles.ts'
import { reasonsFor } from './reasons.ts'
import { renderSettings } from './render.ts'
import type { HardenedServer } from './server.ts'
import { hardenedServers } from './servers.ts'
import type { Block } from './setting.ts'
import { atLeast, formatVersion } from './version.ts'

/**
 * Settings for a server by a profile of Mozilla's guideline, fitted to its version and library.
 * @throws AppError ERR_USAGE for an unknown server or an option that it cannot have; ERR_UNSUPPORTED when the profile
 *   needs what server or library do not have
 */
export function hardenedSettings(name: string, options: HardeningOptions): HardenedSettings {
  const server = findServer(name)
  refuseOdd(server, options)
  const { profile, hsts, staple = false, dhFile } = options
  const version = options.version ?? server.oldest.version
  const library = options.library ?? server.oldest.library
  const serverSpeaksTls13 = server.tls13Since === undefined || atLeast(version, server.tls13Since)
  const tls = fitProfile(profile, { library, serverSpeaksTls13, dhe: dhFile !== undefined })
  const reasons = reasonsFor(profile, tls)
  const blocks = server.blocks({ profile, version, library, tls, reasons, hsts, staple, dhFile })
  const settings = {
    server: server.name,
    profile,
    guideline: profileValues[profile].guideline,
    version: options.version && formatVersion(options.version),
    library: options.library && formatLibrary(options.library),
    blocks,
    notes: [...assumptions(server, options), ...leftOut(tls), ...unstapled(server, blocks, staple)],
    apply: server.apply,
    warnings: profile === 'old' ? [oldWarning] : [],
  }
  return { ...settings, text: renderSettings(server, settings, options) }
}

/**
 * The server of that name.
 * @throws AppError ERR_USAGE with the nearest name
 */
export function findServer(name: string): HardenedServer {
  const found = hardenedServers.find(server => server.name === name)
  if (found !== undefined) return found
  const names = hardenedServers.map(server => server.name)
  const near = suggest(name, names)
  throw new AppError('ERR_USAGE', `there is no snippet for "${printable(name)}"`, {
    hint: `${near === undefined ? '' : `did you mean ${near}? `}known servers: ${names.join(', ')}`,
  })
}

const oldWarning =
  'profile old brings TLS 1.0, TLS 1.1, CBC ciphers and key exchange without forward secrecy back. Use it only for ' +
  'clients that cannot be replaced, best on an address of their own, and set a date to end it.'

function refuseOdd(server: HardenedServer, { hsts, dhFile, profile, version }: HardeningOptions): void {
  const { onlyTls13Since: since } = server
  if (profile === 'modern' && since !== undefined && !atLeast(version ?? server.oldest.version, since)) {
    throw new AppError(
      'ERR_UNSUPPORTED',
      `${server.title} cannot be told to speak TLS 1.3 alone before version ${since}`,
      {
        hint:
          version === undefined
            ? 'give --server-version if it is newer, or take --profile intermediate'
            : 'take --profile intermediate, or update it',
      },
    )
  }
  if (hsts !== undefined && server.web !== true) {
    throw new AppError('ERR_USAGE', `${server.title} does not speak HTTP, so HSTS means nothing there`, {
      hint: 'leave --hsts away',
    })
  }
  if (dhFile === undefined) return
  if (server.dhe !== true) {
    throw new AppError('ERR_USAGE', `${server.title} cannot be given a group for DHE by this snippet`, {
      hint: 'leave --dhe away',
    })
  }
  if (profile === 'modern') {
    throw new AppError('ERR_USAGE', 'profile modern is TLS 1.3 alone, which has no DHE ciphers', {
      hint: 'leave --dhe away, or take --profile intermediate',
    })
  }
  // In most of these languages one of these would end the value; no path needs them.
  // oxlint-disable-next-line no-control-regex -- the controls are the point
  if (!dhFile.startsWith('/') || /[\s"';{}#$\\\u0000-\u001f\u007f]/.test(dhFile)) {
    throw new AppError('ERR_USAGE', `"${printable(dhFile)}" cannot be the file with the group for DHE`, {
      hint: 'give an absolute path without blanks, quotes and the like',
    })
  }
}

function assumptions(server: HardenedServer, { version, library }: HardeningOptions): readonly string[] {
  const { title, oldest, changedIn } = server
  const range = changedIn === undefined ? 'and newer' : `to ${changedIn}, which refuses some of it`
  return [
    ...(version === undefined
      ? [
          `The version of ${title} is not known: this is for ${formatVersion(oldest.version)} ${range}. --server-version tells it.`,
        ]
      : []),
    ...(library === undefined && oldest.library.kind !== 'go'
      ? [
          `The TLS library is not known: this is for ${formatLibrary(oldest.library)} and newer. --openssl-version tells it.`,
        ]
      : []),
  ]
}

function leftOut({ missing }: FittedTls): readonly string[] {
  return missing.map(what => `Left out: ${what}`)
}

function unstapled({ title }: HardenedServer, blocks: readonly Block[], staple: boolean): readonly string[] {
  const texts = blocks.flatMap(({ settings }) => settings.map(({ text }) => text))
  if (!staple || texts.some(text => /stapling|ocsp/i.test(text))) return []
  return [`Left out: OCSP stapling. The certificate names a responder, but ${title} has no line for it.`]
}
