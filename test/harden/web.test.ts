/** The settings of web servers, in force in the real ones. */
import assert from 'node:assert/strict'
import type { Profile } from '../../src/harden/profiles.ts'
import { runCli } from '../support/cli.ts'
import { type Row, type Started, testRows } from './rows.ts'
import type { Site } from './settings.ts'
import { startApache, startHaproxy, startLighttpd, startNginxWith } from './web-servers.ts'

const rows: readonly Row[] = [
  { server: 'nginx', program: 'nginx', start: startNginxWith, look: seeGrade },
  { server: 'apache', program: 'apache2', start: startApache, look: seeGrade },
  { server: 'haproxy', program: 'haproxy', start: startHaproxy, look: seeGrade },
  { server: 'lighttpd', program: 'lighttpd', start: startLighttpd, look: seeGrade },
]

testRows(rows)

/** The last step of HSTS, and with it the best grade; the old profile is what graders call B. */
async function seeGrade({ port }: Started, profile: Profile, { certificateFile }: Site): Promise<void> {
  const args = ['tls', 'grade', `127.0.0.1:${port}`, '--server-name', 'localhost', '--trust', certificateFile]
  const { stdout } = await runCli(args, { timeoutMs: 120_000 })
  assert.match(stdout, /^HSTS +730 d$/m)
  assert.equal(stdout.split(' ')[0], profile === 'old' ? 'B' : 'A+', stdout)
}
