import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, plusMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defineCertificate } from '../define.ts'
import type { Action } from '../plan/action.ts'
import type { Authority } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { holdBack, type Prospect } from './hold-back.ts'

const authority: Authority = {
  id: 'ca',
  directory: 'https://ca.example/dir',
  limits: { 'new-orders': { capacity: 2, refillMs: hourMs } },
}
const runtime = fakeRuntime()
const now = runtime.clock.now()
const options = { now, onWarning: () => {} }

function prospect(
  name: string,
  days: number | undefined,
  change: Partial<Prospect> = {},
  fallbacks: Authority[] = [],
): Prospect {
  const spec = defineCertificate({ identifiers: [name], authority, fallbacks })
  const stored = { notAfter: plusMs(now, (days ?? 0) * dayMs) } as StoredCertificate // all that is looked at
  const action: Action = {
    kind: 'issue',
    spec,
    reason: { code: 'renewal-due', text: 'due' },
    ...(days !== undefined && { replaces: stored }),
  }
  return { action, exemptions: [], ...change }
}

const kinds = async (prospects: readonly Prospect[]) =>
  (await holdBack('/state', prospects, options, runtime)).map(({ kind, reason }) =>
    kind === 'wait' ? reason.code : kind,
  )

test('what ends first is let in first', async () => {
  const prospects = [
    prospect('late.example', 20),
    prospect('soon.example', 2),
    prospect('none.example', undefined),
  ]
  assert.deepEqual(await kinds(prospects), ['budget-spent', 'issue', 'issue'])
  const [held] = await holdBack('/state', prospects, options, runtime)
  assert.ok(held?.kind === 'wait' && held.until > now)
})

test('what is exempt, goes on with its order, or has another CA passes', async () => {
  const others = ['a.example', 'b.example'].map(name => prospect(name, 1))
  assert.deepEqual(await kinds([...others, prospect('c.example', 2, { exemptions: ['ari'] })]), [
    'issue',
    'issue',
    'issue',
  ])
  const { action } = prospect('c.example', 2)
  assert.deepEqual(await kinds([...others, { action }]), ['issue', 'issue', 'issue'])
  const elsewhere: Authority = { id: 'other', directory: 'https://other.example/dir' }
  assert.deepEqual(await kinds([...others, prospect('c.example', 2, {}, [elsewhere])]), [
    'issue',
    'issue',
    'issue',
  ])
  assert.deepEqual(await kinds([...others, prospect('c.example', 2)]), ['issue', 'issue', 'budget-spent'])
})
