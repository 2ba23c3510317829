/** Servers with every profile: the settings are written, the server is started with them, and handshakes show them in force. */
import { chmod } from 'node:fs/promises'
import { test } from 'node:test'
import { type Profile, profiles } from '../../src/harden/profiles.ts'
import { type RunningProgram, requireProgram, skipWithout } from '../support/programs.ts'
import { assertProfile, type Endpoint, type Exceptions } from './handshakes.ts'
import { untilListening } from './listening.ts'
import { makeSite, type Site } from './settings.ts'

export type Started = AsyncDisposable & Endpoint

export type Row = {
  /** As `certwright tls snippet` calls it. */
  readonly server: string
  readonly program: string
  /** It does not lie where the system has its programs. */
  readonly elsewhere?: true
  /** Its processes want to be users of their own, which root alone can arrange. */
  readonly needsRoot?: true
  readonly except?: Exceptions
  /** A profile that it cannot have. */
  readonly without?: Profile
  /** Has the server test its configuration, where it can, and starts it. */
  readonly start: (site: Site) => Promise<Started>
  /** What else is to be seen of a running server; the settings have HSTS of two years and stapling then. */
  readonly look?: (started: Started, profile: Profile, site: Site) => Promise<void>
}

/** One test for each row and profile. */
export function testRows(rows: readonly Row[]): void {
  for (const row of rows) {
    for (const profile of profiles.filter(name => name !== row.without)) {
      const skip =
        skipWithout(row.program) ||
        (row.needsRoot === true && process.getuid?.() !== 0 ? 'needs root' : false)
      test(`${row.server}, ${profile}`, { skip, timeout: 180_000 }, () => testRow(row, profile))
    }
  }
}

async function testRow(
  { server, program, elsewhere, start, look, except }: Row,
  profile: Profile,
): Promise<void> {
  const path = elsewhere === true ? requireProgram(program) : undefined
  const more = look === undefined ? {} : ({ hsts: '2y', staple: true } as const)
  await using site = await makeSite(server, { profile, ...more }, { program: path })
  await chmod(site.directory, 0o755)
  await chmod(site.keyFile, 0o644) // it is thrown away
  await using started = await start(site)
  await assertProfile(profile, started, except)
  await look?.(started, profile, site)
}

/** A program that was started, once it listens. */
export async function listening(running: RunningProgram, endpoint: Endpoint): Promise<Started> {
  await untilListening(endpoint.port, running)
  return { ...endpoint, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}
