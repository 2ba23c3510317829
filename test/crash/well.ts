/** What must be true of a machine when all that was begun has come to its end. */
import assert from 'node:assert/strict'
import type { Instant } from '../../src/base/instant.ts'
import { newest } from '../../src/manage/observe/observation.ts'
import { observeCertificate } from '../../src/manage/observe/observe.ts'
import { readHistory } from '../../src/manage/store/history.ts'
import { livePath } from '../../src/manage/store/paths.ts'
import { temporaryPrefix } from '../../src/runtime/files.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { parsePrivateKeyPem, publicKeyDer } from '../../src/x509/key.ts'
import { parsePem } from '../../src/x509/pem.ts'
import { certificatesPerSet } from './ca.ts'
import { type Machine, state, webroot } from './machine.ts'

/** Whether what is served is one of the certificates that are stored, all of which are whole. */
export async function assertServes(machine: Machine): Promise<void> {
  const { generations, damaged } = await observeCertificate(state, machine.spec.name, { files: machine.disk })
  assert.deepEqual(damaged, [], 'something is damaged')
  const known = generations.map(({ fingerprint }) => fingerprint)
  assert.ok(known.includes(machine.server.served() ?? ''), 'something unknown is served')
}

/** Everything is as it would be without any death: the newest certificate is served, and nothing lies about. */
export async function assertWell(machine: Machine): Promise<void> {
  const { disk, spec } = machine
  const view = await observeCertificate(state, spec.name, { files: disk })
  assert.deepEqual(view.damaged, [], 'something is damaged')
  assert.deepEqual([view.run, view.endedRun], [undefined, undefined], 'a run is unfinished')
  const all = view.generations.map(({ fingerprint }) => fingerprint)
  assert.equal(new Set(all).size, all.length, 'a certificate is stored twice')
  assert.deepEqual(view.attempts, {}, 'a failure is recorded')
  const current = newest(view)
  assert.ok(current !== undefined, 'there is no certificate')
  assert.equal(view.live?.generation, current.generation, 'the newest certificate is not live')
  assert.equal(view.renewal?.fingerprint, current.fingerprint, 'the renewal is that of another certificate')
  assert.equal(machine.server.served(), current.fingerprint, 'the newest certificate is not served')
  for (const target of view.deployments)
    assert.deepEqual([target.generation, target.failure], [current.generation, undefined], target.target)
  assert.equal(view.deployments.length, 1)
  assert.ok(machine.hooked.includes(current.fingerprint), 'the hook was not run')
  await readHistory(state, spec.name, { files: disk }) // is whole

  const live = livePath(state, spec.name)
  const [leaf = new Uint8Array()] = parsePem(await disk.text(`${live}/fullchain.pem`), 'CERTIFICATE')
  const key = parsePrivateKeyPem(await disk.text(`${live}/privkey.pem`))
  assert.deepEqual(publicKeyDer(parseCertificate(leaf).publicKey), publicKeyDer(key), 'the key is another')

  assert.deepEqual(await disk.list(`${state}/runs`), [], 'a journal, or something left of one')
  assert.deepEqual(await disk.list(webroot), [], 'challenge files')
  const paths = [...disk.snapshot().keys()]
  assert.deepEqual(
    paths.filter(path => path.includes('.old-') || path.includes('next-key')),
    [],
  )
}

/** Whether something is no part of the state, because it is being written or removed. */
export function isTemporary(path: string): boolean {
  return path.includes(temporaryPrefix)
}

/**
 * Whether the record of what the CA's limits have left is true: no fewer tokens are taken than certificates were issued since
 * then, and no more than orders were made and processes died over one.
 */
export async function assertLimitsKept(
  { disk, clock, ca }: Machine,
  { since, issued, deaths }: { readonly since: Instant; readonly issued: number; readonly deaths: number },
): Promise<void> {
  if (issued === 0) return
  const { refillMs } = certificatesPerSet
  const text = await disk.text(`${state}/limits/${ca.authority.id}.json`)
  const { fullAt } = JSON.parse(text) as { readonly fullAt: Readonly<Record<string, string>> }
  const [, full = ''] =
    Object.entries(fullAt).find(([bucket]) => bucket.startsWith('certificates-per-set:')) ?? []
  const least = since + issued * refillMs
  const most = clock.now() + (ca.orders().length + deaths) * refillMs
  assert.ok(Date.parse(full) >= least, 'fewer tokens are taken than certificates were issued')
  assert.ok(Date.parse(full) <= most, 'more tokens are taken than orders can have been made')
}
