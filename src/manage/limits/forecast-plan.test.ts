import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, plusMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defineCertificate } from '../define.ts'
import type { Action } from '../plan/action.ts'
import type { Authority } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { forecastPlan } from './forecast-plan.ts'

const runtime = fakeRuntime()
const now = runtime.clock.now()
const authority: Authority = {
  id: 'ca',
  directory: 'https://ca.example/dir',
  limits: { 'new-orders': { capacity: 1, refillMs: 24 * hourMs } },
}
const reason = { code: 'up-to-date', text: 'for the test' } as const

function actionsFor(name: string): Record<Action['kind'], Action> {
  const spec = defineCertificate({ identifiers: [name], authority })
  const certificate = {
    identifiers: spec.identifiers,
    notBefore: plusMs(now, -30 * dayMs),
    notAfter: plusMs(now, 60 * dayMs),
    certificateId: 'a.b',
  } as unknown as StoredCertificate // all that is looked at
  return {
    issue: { kind: 'issue', spec, reason },
    wait: { kind: 'wait', spec, reason, until: plusMs(now, 2 * dayMs) },
    deploy: { kind: 'deploy', spec, reason, certificate },
    none: { kind: 'none', spec, reason, certificate, renewAt: plusMs(now, 10 * dayMs), wakeAt: now },
  }
}

async function daysOf(actions: readonly Action[], days: number) {
  const options = { now, horizonMs: days * dayMs, onWarning: () => {} }
  const forecast = await forecastPlan('/state', actions, options, runtime)
  return forecast.days.flatMap(({ due }, index) => due.map(({ name }) => `${index} ${name}`))
}

test('each kind of action has its day, and what follows it', async () => {
  const actions = [
    actionsFor('issue.example').issue,
    actionsFor('wait.example').wait,
    actionsFor('deploy.example').deploy,
    actionsFor('none.example').none,
  ]
  assert.deepEqual(await daysOf(actions, 45), [
    '0 issue.example',
    '2 wait.example',
    '10 none.example',
    '30 deploy.example',
  ])
  const year = await daysOf(actions, 365)
  for (const { spec } of actions)
    assert.ok(
      year.filter(due => due.endsWith(spec.name)).length >= 5,
      `${spec.name} is renewed again and again`,
    )
})

test('what a limit has no room for is shown to wait', async () => {
  const actions = [actionsFor('a.example').issue, actionsFor('b.example').issue, actionsFor('c.example').none]
  const options = { now, horizonMs: 20 * dayMs, onWarning: () => {} }
  const { days } = await forecastPlan('/state', actions, options, runtime)
  const waiting = days.flatMap(day => day.waiting.map(({ name }) => name))
  assert.deepEqual(waiting, ['b.example'], 'and a renewal that the CA advised is exempt')
})
