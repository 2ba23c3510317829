import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError, type ErrorCode } from '../../base/errors.ts'
import { dayMs, hourMs, type Instant, instant, minuteMs, plusMs } from '../../base/instant.ts'
import type { NotificationItem } from '../../contracts/notifier.ts'
import { defaultSpecName } from '../spec.ts'
import { decideNotifications, type RunResult } from './decide.ts'
import { reminderMs, type Validity } from './stage.ts'
import type { Trouble } from './trouble.ts'

const start = instant(Date.UTC(2030, 0, 1))
const host = 'web1.test'
/** Of 90 days, due for renewal at `start`. */
const due: Validity = { notBefore: plusMs(start, -60 * dayMs), notAfter: plusMs(start, 30 * dayMs) }
const fresh: Validity = { notBefore: start, notAfter: plusMs(start, 90 * dayMs) }

const spec = (value: string) => {
  const identifiers = [{ type: 'dns', value }] as const
  return { name: defaultSpecName(identifiers[0]), identifiers }
}

/** One run about one certificate: what became of it, and what it was worth at that time. */
type Step = {
  readonly at: Instant
  readonly result: Omit<RunResult, 'spec' | 'targets'> & Partial<Pick<RunResult, 'targets'>>
  readonly validity?: Validity | undefined
}

const failing = (
  code: ErrorCode,
  message = 'because',
  more: { readonly hint?: string; readonly retryAt?: Instant } = {},
): Step['result'] => ({ outcome: 'failed', error: new AppError(code, message, more) })
const undelivered = (): Step['result'] => {
  const error = new AppError('ERR_NOT_SERVED', 'nginx serves another')
  return { outcome: 'failed', error, targets: [{ target: 'nginx', error }] }
}
const waiting = (until: Instant): Step['result'] => ({
  outcome: 'waiting',
  retryAt: until,
  action: { reason: { text: 'the CA asked to come back' } },
})
const issued: Step['result'] = { outcome: 'issued', targets: [{ target: 'nginx' }] }
const unchanged: Step['result'] = { outcome: 'unchanged' }

type Told = {
  readonly at: Instant
  readonly kind: string
  readonly urgency: string
  readonly item: NotificationItem
}

/** Plays runs one after the other, each with the memory of the one before. */
function play(
  steps: readonly Step[],
  value = 'a.example',
): { told: readonly Told[]; troubles: readonly Trouble[] } {
  let troubles: readonly Trouble[] = []
  const told: Told[] = []
  for (const { at, result, validity } of steps) {
    const certificate = spec(value)
    const decision = decideNotifications(
      {
        at,
        host,
        results: [{ spec: certificate, targets: [], ...result }],
        configured: [certificate.name],
        validity: new Map(validity === undefined ? [] : [[certificate.name, validity]]),
      },
      troubles,
    )
    troubles = decision.troubles
    for (const { kind, urgency, items } of decision.notifications) {
      for (const item of items) told.push({ at, kind, urgency, item })
    }
  }
  return { told, troubles }
}

const after = (ms: number) => plusMs(start, ms)
const daily = (count: number, step: (day: number) => Omit<Step, 'at'>): readonly Step[] =>
  Array.from({ length: count }, (_, day) => ({ at: after(day * dayMs), ...step(day) }))

type Case = { readonly name: string; readonly steps: readonly Step[]; readonly expected: readonly string[] }
const cases: readonly Case[] = [
  {
    name: 'nothing to do is nothing to tell',
    steps: daily(5, () => ({ result: unchanged, validity: fresh })),
    expected: [],
  },
  {
    name: 'a renewal is told',
    steps: [{ at: start, result: issued, validity: fresh }],
    expected: ['0 renewed info'],
  },
  {
    name: 'a failure is told at once and then once a day, and its end once',
    steps: [
      ...Array.from({ length: 49 }, (_, hour) => ({
        at: after(hour * hourMs),
        result: failing('ERR_AUTHORIZATION'),
        validity: due,
      })),
      { at: after(49 * hourMs), result: issued, validity: fresh },
      { at: after(50 * hourMs), result: unchanged, validity: fresh },
    ],
    expected: ['0 failed warning', '22 failed warning', '44 failed warning', '49 recovered info'],
  },
  {
    name: 'a network that is away for an hour is not told',
    steps: [
      { at: start, result: failing('ERR_NETWORK'), validity: due },
      { at: after(hourMs), result: failing('ERR_TIMEOUT'), validity: due },
      { at: after(2 * hourMs), result: issued, validity: fresh },
    ],
    expected: ['2 renewed info'],
  },
  {
    name: 'a network that stays away is told the next day',
    steps: daily(3, () => ({ result: failing('ERR_NETWORK'), validity: due })),
    expected: ['24 failed warning', '48 failed warning'],
  },
  {
    name: 'a network that is away when there is no certificate yet is told at once',
    steps: [{ at: start, result: failing('ERR_NETWORK') }],
    expected: ['0 failed warning'],
  },
  {
    name: 'another cause is told at once, the first one again only a day later',
    steps: [
      { at: start, result: failing('ERR_AUTHORIZATION', '404'), validity: due },
      { at: after(hourMs), result: failing('ERR_ORDER', 'rejected'), validity: due },
      { at: after(2 * hourMs), result: failing('ERR_AUTHORIZATION', '404'), validity: due },
      { at: after(23 * hourMs), result: failing('ERR_AUTHORIZATION', '404'), validity: due },
    ],
    expected: ['0 failed warning', '1 failed warning', '23 failed warning'],
  },
  {
    name: 'a cause that changes every time is told four times a day',
    steps: Array.from({ length: 20 }, (_, hour) => ({
      at: after(hour * hourMs),
      result: failing('ERR_ORDER', `reason ${'abcdefghijklmnopqrst'[hour]}`),
      validity: due,
    })),
    expected: ['0 failed warning', '1 failed warning', '2 failed warning', '3 failed warning'],
  },
  {
    name: 'terms that nobody agreed to need somebody',
    steps: [{ at: start, result: failing('ERR_TERMS'), validity: due }],
    expected: ['0 action-needed warning'],
  },
  {
    name: 'a certificate that is not served is a deployment without effect',
    steps: [
      { at: start, result: undelivered(), validity: due },
      { at: after(hourMs), result: { outcome: 'deployed' }, validity: fresh },
    ],
    expected: ['0 deploy-not-effective warning', '1 recovered info'],
  },
  {
    name: 'waiting repeats what is waited after once a day',
    steps: [
      { at: start, result: failing('ERR_ORDER'), validity: due },
      ...[12, 24, 36, 48].map(hour => ({
        at: after(hour * hourMs),
        result: waiting(after(72 * hourMs)),
        validity: due,
      })),
      { at: after(72 * hourMs), result: issued, validity: fresh },
    ],
    expected: ['0 failed warning', '24 failed warning', '48 failed warning', '72 recovered info'],
  },
  {
    name: 'waiting for what was not seen here is told when time runs short',
    steps: daily(9, () => ({ result: waiting(after(20 * dayMs)), validity: due })),
    expected: ['192 expiry-near warning'],
  },
  {
    name: 'time that runs out is told at each stage, in place of the reminder, and daily in the end',
    steps: [0, 8, 21.5, 30, 31, 32].map(day => ({
      at: after(day * dayMs),
      result: failing('ERR_ORDER'),
      validity: due,
    })),
    expected: [
      '0 failed warning',
      '192 expiry-near warning',
      '516 expiry-near critical',
      '720 expiry-near critical',
      '744 expiry-near critical',
      '768 expiry-near critical',
    ],
  },
  {
    name: 'a stage is told when it is reached, not at every run within it',
    steps: Array.from({ length: 20 }, (_, hour) => ({
      at: after(8 * dayMs + hour * hourMs),
      result: failing('ERR_ORDER'),
      validity: due,
    })),
    expected: ['192 failed warning', '192 expiry-near warning'],
  },
  {
    name: 'a new cause is told beside the time that runs out',
    steps: [
      { at: start, result: failing('ERR_ORDER', 'one'), validity: due },
      { at: after(22 * dayMs), result: failing('ERR_ORDER', 'two'), validity: due },
    ],
    expected: ['0 failed warning', '528 failed critical', '528 expiry-near critical'],
  },
  {
    name: 'what looks like a mistake needs somebody',
    steps: [
      {
        at: start,
        result: { outcome: 'refused', error: new AppError('ERR_GUARD', 'too many') },
        validity: due,
      },
    ],
    expected: ['0 action-needed warning'],
  },
  {
    name: 'a clock that was ahead for a while does not silence anything',
    steps: [
      { at: after(100 * dayMs), result: failing('ERR_ORDER'), validity: fresh },
      { at: start, result: failing('ERR_ORDER'), validity: fresh },
    ],
    expected: ['2400 failed critical', '2400 expiry-near critical', '0 failed warning'],
  },
  {
    name: 'a certificate that is renewed late on purpose is no trouble',
    steps: daily(25, () => ({ result: unchanged, validity: due })),
    expected: [],
  },
]
for (const { name, steps, expected } of cases) {
  test(name, () => {
    const told = play(steps).told.map(
      ({ at, kind, urgency }) => `${(at - start) / hourMs} ${kind} ${urgency}`,
    )
    assert.deepEqual(told, expected)
  })
}

test('an item has cause, advice, next attempt, command and end', () => {
  const retryAt = after(6 * hourMs)
  const result = failing('ERR_AUTHORIZATION', 'one\n\u001btwo', { hint: 'open port 80', retryAt })
  const [first] = play([{ at: start, result, validity: due }]).told
  assert.deepEqual(first?.item, {
    key: 'a.example',
    certificate: 'a.example',
    identifiers: ['a.example'],
    text: 'it could not be renewed',
    cause: 'one\n\\u{1b}two',
    advice: 'open port 80',
    nextAttemptAt: retryAt,
    command: 'certwright apply --only a.example',
    expires: due.notAfter,
  })
})

test('repetitions say how often and since when, a recovery too', () => {
  const { told } = play([
    ...daily(3, () => ({ result: failing('ERR_ORDER'), validity: due })),
    { at: after(3 * dayMs), result: issued, validity: fresh },
  ])
  assert.deepEqual(
    told.map(({ item }) => item.text),
    [
      'it could not be renewed',
      'it could not be renewed (2nd attempt since 2030-01-01T00:00:00Z)',
      'it could not be renewed (3rd attempt since 2030-01-01T00:00:00Z)',
      'in order again after 3 failed attempts since 2030-01-01T00:00:00Z, good until 2030-04-01T00:00:00Z',
    ],
  )
})

test('what the time that runs out is about comes with its cause and with the command that helps', () => {
  const at = after(22 * dayMs)
  const { told } = play([
    { at: start, result: undelivered(), validity: due },
    { at, result: undelivered(), validity: due },
  ])
  const { text, cause, command } = told[1]?.item ?? { text: '' }
  assert.equal(text, 'its certificate expires in 8 d and is not renewed yet')
  assert.equal(cause, 'nginx serves another')
  assert.equal(command, 'certwright deploy a.example')
})

test('all of a kind and urgency is one notification, the most urgent first', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const specs = names.map(name => spec(`${name}.example`))
  const results = specs.map((one, index) => ({
    spec: one,
    targets: [],
    ...(index < 3 ? issued : failing('ERR_ORDER')),
  }))
  const validity = new Map(
    specs.map(one => [one.name as string, one.name === 'e.example' ? { ...due, notAfter: start } : due]),
  )
  const { notifications } = decideNotifications(
    { at: start, host, results, configured: specs.map(({ name }) => name), validity },
    [],
  )
  assert.deepEqual(
    notifications.map(({ kind, urgency, items, subject }) => [kind, urgency, items.length, subject]),
    [
      ['failed', 'critical', 1, 'certwright on web1.test: e.example got no new certificate'],
      ['expiry-near', 'critical', 1, 'certwright on web1.test: e.example has expired'],
      ['failed', 'warning', 1, 'certwright on web1.test: d.example got no new certificate'],
      ['renewed', 'info', 3, 'certwright on web1.test: 3 certificates were renewed'],
    ],
  )
  assert.equal(new Set(notifications.map(({ id }) => id)).size, notifications.length)
})

test('five hundred renewals are three notifications', () => {
  const specs = Array.from({ length: 500 }, (_, index) => spec(`h${index}.example`))
  const results = specs.map(one => ({ spec: one, targets: [], ...issued }))
  const { notifications } = decideNotifications(
    { at: start, host, results, configured: specs.map(({ name }) => name), validity: new Map() },
    [],
  )
  assert.deepEqual(
    notifications.map(({ items }) => items.length),
    [200, 200, 100],
  )
})

test('a run about some certificates says nothing about the others; one that is gone is called off', () => {
  const { troubles } = play([{ at: start, result: failing('ERR_ORDER'), validity: due }])
  const run = { at: after(hourMs), host, results: [], validity: new Map<string, Validity>() }
  const apart = decideNotifications({ ...run, configured: ['a.example'] }, troubles)
  assert.deepEqual(apart, { notifications: [], troubles, endpointTroubles: [] })
  const gone = decideNotifications({ ...run, configured: [] }, troubles)
  assert.deepEqual(gone.troubles, [])
  assert.deepEqual(
    gone.notifications.map(({ kind, settles, items }) => [kind, settles, items[0]?.text]),
    [['recovered', 'warning', 'no longer configured']],
  )
})

test('what nobody was told of is not called off when it is gone', () => {
  const { troubles } = play([{ at: start, result: failing('ERR_NETWORK'), validity: due }])
  assert.equal(troubles.length, 1)
  const run = { at: after(hourMs), host, results: [], configured: [], validity: new Map<string, Validity>() }
  assert.deepEqual(decideNotifications(run, troubles).troubles, [])
  assert.deepEqual(decideNotifications(run, troubles).notifications, [])
})

const outcomes: readonly Step['result'][] = [
  issued,
  unchanged,
  { outcome: 'deployed' },
  undelivered(),
  failing('ERR_NETWORK'),
  failing('ERR_TERMS'),
  failing('ERR_ORDER', 'rejected 1'),
  failing('ERR_ORDER', 'rejected 2'),
  failing('ERR_ORDER', 'something else'),
  waiting(after(dayMs)),
]
const history = fc
  .array(
    fc.record({
      gapMs: fc.integer({ min: minuteMs, max: 40 * hourMs }),
      result: fc.constantFrom(...outcomes),
      lifetimeDays: fc.constantFrom(6, 45, 90),
      none: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map(moves => {
    let at = start
    let validity: Validity | undefined
    return moves.map(({ gapMs, result, lifetimeDays, none }): Step => {
      at = plusMs(at, gapMs)
      if (result.outcome === 'issued')
        validity = { notBefore: at, notAfter: plusMs(at, lifetimeDays * dayMs) }
      else if (none && validity === undefined) validity = undefined
      return { at, result, validity }
    })
  })
const isTrouble = (kind: string) => !['renewed', 'recovered'].includes(kind)

test('no cause is told twice within a day, unless time runs shorter', () => {
  fc.assert(
    fc.property(history, steps => {
      const { told } = play(steps)
      const last = new Map<string, Instant>()
      for (const { at, kind, item } of told) {
        if (kind === 'recovered') last.clear()
        if (!isTrouble(kind) || kind === 'expiry-near') continue
        const key = `${kind} ${item.cause?.replaceAll(/\d/g, '#')}`
        const before = last.get(key)
        assert.ok(before === undefined || at - before >= reminderMs, `${key} at ${at} and ${before}`)
        last.set(key, at)
      }
    }),
  )
})

test('no certificate is told of more than seven times a day', () => {
  fc.assert(
    fc.property(history, steps => {
      const times = play(steps).told.filter(({ kind }) => isTrouble(kind))
      const perTrouble =
        steps.filter(({ result }) => !['failed', 'waiting'].includes(result.outcome)).length + 1
      for (const { at } of times) {
        const sameDay = times.filter(one => one.at >= at && one.at - at < reminderMs)
        // Four causes and three stages; a recovery in between begins again.
        assert.ok(sameDay.length <= 7 * perTrouble)
      }
    }),
  )
})

test('what was told is called off exactly once, when it is over, and nothing else is', () => {
  fc.assert(
    fc.property(history, steps => {
      const { told } = play(steps)
      let open = false
      for (const { at, result } of steps) {
        const now = told.filter(one => one.at === at)
        const good = result.outcome !== 'failed' && result.outcome !== 'waiting'
        const ends = now.filter(({ kind }) => kind === 'recovered').length
        assert.equal(ends, good && open ? 1 : 0)
        if (good) open = false
        if (now.some(({ kind }) => isTrouble(kind))) open = true
      }
    }),
  )
})

test('a failure that stays is not silent for longer than a day and two runs', () => {
  const gap = fc.integer({ min: hourMs, max: dayMs })
  fc.assert(
    fc.property(fc.array(gap, { minLength: 5, maxLength: 60 }), gaps => {
      let at = start
      const steps = gaps.map((ms): Step => {
        at = plusMs(at, ms)
        return { at, result: failing('ERR_NETWORK'), validity: due }
      })
      const times = play(steps).told.map(one => one.at)
      const ends = [steps[0]?.at ?? start, ...times, at]
      for (const [index, time] of ends.entries()) {
        const before = ends[index - 1] ?? time
        assert.ok(time - before <= reminderMs + 2 * dayMs, `${(time - before) / hourMs} h of silence`)
      }
    }),
  )
})
