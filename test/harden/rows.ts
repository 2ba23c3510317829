/** Servers with every profile: the settings are written, the server is started with them, and handshakes show them in force. */
import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { test } from 'node:test'
import { findServer } from '../../src/harden/harden.ts'
import { type Profile, profiles } from '../../src/harden/profiles.ts'
import { type RunningProgram, requireProgram, skipWithout } from '../support/programs.ts'
import { assertProfile, type Endpoint, type Exceptions, shakesHands } from './handshakes.ts'
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
      test(`${row.server}, ${profile}`, { skip: skipReason(row), timeout: 180_000 }, () =>
        testRow(row, profile),
      )
    }
    if (findServer(row.server).dhe !== true) continue
    test(`${row.server}, with DHE`, { skip: skipReason(row), timeout: 180_000 }, () => testDhe(row))
  }
}

function skipReason({ program, needsRoot }: Row): string | false {
  return skipWithout(program) || (needsRoot === true && process.getuid?.() !== 0 ? 'needs root' : false)
}

async function testDhe({ server, program, elsewhere, start }: Row): Promise<void> {
  const path = elsewhere === true ? requireProgram(program) : undefined
  await using site = await makeSite(server, { profile: 'intermediate' }, { program: path, dhe: true })
  await chmod(site.directory, 0o755)
  await chmod(site.keyFile, 0o644)
  await using started = await start(site)
  const works: boolean[] = []
  for (const cipher of ['ECDHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES128-SHA']) {
    works.push(await shakesHands(started, { protocol: 'tls1_2', cipher }))
  }
  assert.deepEqual(works, [true, true, false])
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
