import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, type Instant, instant, plusMs } from '../../base/instant.ts'
import { parseWith } from '../../base/schema.ts'
import type { EndpointRecord } from '../monitor/endpoint-records.ts'
import type { LookFinding, LookProblem } from '../observe/judge-look.ts'
import { decideNotifications } from './decide.ts'
import {
  decideEndpoints,
  type EndpointTrouble,
  endpointTroubleJson,
  endpointTroubleSchema,
} from './endpoint-troubles.ts'

const at = instant(Date.UTC(2026, 10, 20))
const finding = (kind: LookProblem, level: LookFinding['level'] = 'wrong'): LookFinding => ({
  ...{ kind, level, text: `text of ${kind}`, hint: `hint for ${kind}` },
})
const record = (kinds: readonly LookFinding[], when: Instant = at): EndpointRecord => ({
  endpoint: 'a.test:443',
  at: when,
  looks: [
    { where: 'a.test at 192.0.2.1:443', fingerprint: 'ab', notAfter: plusMs(at, 9 * dayMs), findings: kinds },
    { where: 'a.test at 192.0.2.2:443', fingerprint: 'ab', notAfter: plusMs(at, 8 * dayMs), findings: [] },
  ],
})

/** What is told in each of several rounds, the memory carried along. */
function tell(...rounds: readonly (readonly EndpointRecord[])[]): readonly (readonly string[])[] {
  let troubles: readonly EndpointTrouble[] = []
  return rounds.map(records => {
    const decision = decideEndpoints(records, troubles)
    const written = JSON.parse(
      JSON.stringify(decision.troubles.map(endpointTroubleJson)),
    ) as readonly unknown[]
    troubles = written.map(one => {
      const parsed = parseWith(endpointTroubleSchema, one)
      assert.ok(parsed.ok)
      return parsed.value
    })
    return decision.findings.map(
      ({ kind, urgency, settles = '', item }) => `${kind} ${urgency} ${settles}: ${item.text}`,
    )
  })
}

const good = record([])
const down = record([finding('down')])
const soon = record([finding('ends-soon')])
const expired = record([finding('expired')])
const noted = record([finding('chain', 'note')])

for (const { name, rounds, told } of [
  { name: 'what is good is not told', rounds: [[good], [noted]], told: [[], []] },
  {
    name: 'a trouble is told once, and that it is over',
    rounds: [[good], [down], [down], [good], [good]],
    told: [
      [],
      ['endpoint warning : it does not answer'],
      [],
      ['recovered info warning: in order again, after trouble since 2026-11-20T00:00:00Z'],
      [],
    ],
  },
  {
    name: 'what gets worse is told',
    rounds: [[soon], [expired], [expired]],
    told: [
      ['endpoint warning : its certificate ends soon'],
      ['endpoint critical : its certificate has ended'],
      [],
    ],
  },
  {
    name: 'what is wrong beside it is told, and what gets better is not',
    rounds: [[soon], [record([finding('other-certificate'), finding('ends-soon')])], [soon]],
    told: [
      ['endpoint warning : its certificate ends soon'],
      ['endpoint warning : it does not show the certificate that it should, and its certificate ends soon'],
      [],
    ],
  },
  {
    name: 'what is monitored no longer is called off',
    rounds: [[down], []],
    told: [['endpoint warning : it does not answer'], ['recovered info warning: no longer configured']],
  },
]) {
  test(name, () => assert.deepEqual(tell(...rounds), told))
}

test('it is said where, what, and what to do', () => {
  const { findings } = decideEndpoints([down], [], { nextLookAt: plusMs(at, 60_000) })
  assert.deepEqual(findings[0]?.item, {
    key: 'endpoint: a.test:443',
    endpoint: 'a.test:443',
    text: 'it does not answer',
    cause: 'a.test at 192.0.2.1:443: text of down',
    advice: 'hint for down',
    command: 'certwright verify',
    nextAttemptAt: plusMs(at, 60_000),
    expires: plusMs(at, 9 * dayMs),
  })
})

test('endpoints and certificates are told apart, and nobody looked is not the same as nothing is there', () => {
  const run = { at, host: 'host', results: [], configured: [], validity: new Map() }
  const other = { ...down, endpoint: 'b.test:443' }
  const { notifications, endpointTroubles } = decideNotifications({ ...run, endpoints: [down, other] }, [])
  assert.deepEqual(
    notifications.map(({ kind, subject }) => [kind, subject]),
    [['endpoint', 'certwright on host: 2 endpoints are not as they should be']],
  )
  const after = decideNotifications(run, [], endpointTroubles)
  assert.deepEqual([after.notifications, after.endpointTroubles], [[], endpointTroubles])
  const over = decideNotifications({ ...run, endpoints: [good, other] }, [], endpointTroubles)
  assert.deepEqual(
    over.notifications.map(({ kind, settles, subject }) => [kind, settles, subject]),
    [['recovered', 'warning', 'certwright on host: a.test:443 is in order again']],
  )
})
