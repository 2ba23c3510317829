/** A server that talks before TLS is graded like any other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { eximProgram, startExim } from '../support/exim.ts'
import { skipWithout } from '../support/programs.ts'

type Graded = {
  readonly grade: string
  readonly protocols: readonly { readonly suites: readonly unknown[]; readonly groups: readonly unknown[] }[]
  readonly certificates: readonly unknown[]
  readonly limits: readonly { readonly rule: string }[]
  readonly http?: unknown
  readonly startTls?: string
}

test('Exim shows the same by STARTTLS as with TLS from the first byte', {
  skip: skipWithout(eximProgram, 'openssl'),
  timeout: 120_000,
}, async () => {
  await using exim = await startExim()
  const grade = async (target: string): Promise<Graded> => {
    const trusting = ['--trust', exim.trustFile, '--server-name', 'mail.test', '--json']
    const { exitCode, stdout, stderr } = await runCli(['tls', 'grade', target, ...trusting])
    assert.equal(exitCode, 0, stderr)
    return JSON.parse(stdout) as Graded // of our own making
  }
  const direct = await grade(`127.0.0.1:${exim.tlsPort}`)
  const later = await grade(`smtp://127.0.0.1:${exim.port}`)
  assert.equal(later.startTls, 'smtp')
  assert.equal(later.http, undefined)
  assert.deepEqual(later.protocols, direct.protocols)
  assert.deepEqual(later.certificates, direct.certificates)
  assert.ok(!later.limits.some(({ rule }) => rule === 'hsts' || rule === 'untrusted' || rule === 'name'))
})
