import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, hourMs, instant } from '../../base/instant.ts'
import { limitsOf } from '../limits/published.ts'
import { uniformFleet } from './fleet.ts'
import { addUp, summarizeLoad } from './load-curve.ts'
import { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts'

const limits = limitsOf('https://acme-v02.api.letsencrypt.org/directory')
const usual: SimulationOptions = {
  fleet: uniformFleet(200, 1),
  start: instant(Date.UTC(2027, 0, 1)),
  days: 200,
  lifetimeMs: 90 * dayMs,
  limits,
  believed: limits,
  renewalInfo: true,
  newWithinMs: undefined,
  failureShare: 0.02,
  outages: [{ afterMs: 40 * dayMs, lengthMs: 12 * hourMs }],
  seed: 1,
}
const run = (options: Partial<SimulationOptions> = {}): SimulationResult => {
  const days = simulate({ ...usual, ...options })
  for (;;) {
    const next = days.next()
    if (next.done === true) return next.value
  }
}
const crowd = uniformFleet(200, 200) // all under one registered domain

const feasible: readonly { readonly name: string; readonly options: Partial<SimulationOptions> }[] = [
  { name: 'certificates of every age', options: {} },
  { name: 'without renewal information', options: { renewalInfo: false } },
  { name: 'all of them new', options: { newWithinMs: hourMs } },
  { name: 'all of them new, under one registered domain', options: { newWithinMs: hourMs, fleet: crowd } },
  { name: 'renewals under one registered domain', options: { fleet: crowd } },
  { name: 'six-day lives', options: { lifetimeMs: 160 * hourMs, days: 60 } },
  {
    name: 'six-day lives without renewal information',
    options: { lifetimeMs: 160 * hourMs, days: 60, renewalInfo: false },
  },
  { name: 'every third validation fails', options: { failureShare: 1 / 3 } },
  { name: 'the CA is away for a week', options: { outages: [{ afterMs: 40 * dayMs, lengthMs: 7 * dayMs }] } },
]
for (const { name, options } of feasible) {
  test(`${name}: nothing is refused, nothing expires, nothing is missing`, () => {
    const { orders, refusals, expiries, missing } = run(options)
    assert.deepEqual({ refusals, expiries, missing }, { refusals: 0, expiries: 0, missing: 0 })
    assert.ok(orders > 300, `${orders} orders`)
  })
}

test('the CA of the simulation does refuse: orders that nobody held back', () => {
  const { refusals, heldBack } = run({ believed: {}, newWithinMs: hourMs, fleet: crowd })
  assert.ok(refusals >= 150, `${refusals} refusals`) // all but the first 50
  assert.ok(heldBack >= 150, 'a refusal is heeded all the same')
})

test('under one registered domain no more than 50 are new at once, and then one each 202 minutes', () => {
  const { ordersPerHour, heldBack } = run({ newWithinMs: hourMs, fleet: crowd, failureShare: 0, days: 10 })
  assert.ok(heldBack >= 150)
  const [first = 0, ...later] = addUp(ordersPerHour, 24)
  assert.ok(first <= 50 + 8, `${first} orders on the first day`)
  assert.ok(Math.max(...later) <= 8, 'seven or eight a day after that')
})

test('an outage that is longer than what is left of a life ends lives', () => {
  const { expiries } = run({ outages: [{ afterMs: 40 * dayMs, lengthMs: 60 * dayMs }] })
  assert.ok(expiries > 0)
})

test('a CA that never comes back leaves everything expired, or missing', () => {
  const outages = [{ afterMs: 0, lengthMs: 1_000 * dayMs }]
  assert.equal(run({ outages }).expiries, 200)
  assert.equal(run({ outages, newWithinMs: hourMs }).missing, 200)
})

test('what is spread stays spread: no hour has more than a few renewals', () => {
  const { max } = summarizeLoad(run({ fleet: uniformFleet(2_000, 1), outages: [] }).ordersPerHour)
  assert.ok(max <= 15, `${max} orders in the busiest hour; 1.4 are usual`)
})

test('the same seed is the same story, another one is not', () => {
  assert.deepEqual(run({ seed: 7 }), run({ seed: 7 }))
  assert.notDeepEqual(run({ seed: 7 }).ordersPerHour, run({ seed: 8 }).ordersPerHour)
})

test('it stops after each day', () => {
  const days = simulate({ ...usual, days: 3 })
  assert.deepEqual(
    [days.next().value, days.next().value, days.next().value, days.next().done],
    [1, 2, 3, true],
  )
})
