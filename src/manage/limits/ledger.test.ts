import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  dayMs,
  formatInstant,
  hourMs,
  type Instant,
  instant,
  minuteMs,
  plusMs,
  secondMs,
} from '../../base/instant.ts'
import { createModelCa } from '../simulate/model-ca.ts'
import {
  applyChanges,
  claimOrder,
  forecastAccount,
  forecastOrder,
  type LedgerChanges,
  latencyMs,
  recordAccount,
  recordAccountRefusal,
  recordFailed,
  recordIssued,
  recordOrder,
  recordRefusal,
} from './ledger.ts'
import type { Exemption, Limits } from './limit.ts'
import type { OrderFacts } from './order-facts.ts'
import { limitsOf } from './published.ts'

const limits = limitsOf('https://acme-v02.api.letsencrypt.org/directory')
const start = instant(Date.parse('2026-11-01T00:00:00Z'))
const after = (ms: number) => plusMs(start, ms)
const order = (name: string, ...exemptions: readonly Exemption[]): OrderFacts => ({
  account: 'ours',
  set: name,
  domains: ['example.com'],
  identifiers: [name],
  exemptions,
})
const other = (name: string): OrderFacts => ({ ...order(name), domains: [`${name}.example`] })

/** A ledger and what happens to it, at `start` where no time is given. */
function book(size: Limits = limits) {
  const ledger = new Map<string, Instant>()
  const keep = (changes: LedgerChanges) => applyChanges(ledger, changes)
  return {
    ledger,
    waits: (facts: OrderFacts, now = start) => forecastOrder(ledger, facts, size, { now }),
    send: (facts: OrderFacts, now = start) => keep(recordOrder(ledger, facts, size, { now })),
    issued: (facts: OrderFacts, orderedAt: Instant, now: Instant) =>
      keep(recordIssued(ledger, facts, size, { orderedAt, now })),
    failed: (facts: OrderFacts, orderedAt: Instant, now: Instant) =>
      keep(recordFailed(ledger, facts, size, { orderedAt, now, failed: facts.identifiers })),
    refused: (facts: OrderFacts, detail: string, retryAt: Instant | undefined, now = start) =>
      keep(recordRefusal(ledger, facts, size, { orderedAt: now, now, detail, retryAt })),
  }
}

test('50 certificates for one domain fit at once, the next one when the CA has refilled', () => {
  const { send, waits } = book()
  for (let index = 0; index < 50; index++) {
    assert.equal(waits(order(`${index}.example.com`)), undefined)
    send(order(`${index}.example.com`))
  }
  const wait = waits(order('new.example.com'))
  assert.equal(wait?.limit, 'certificates-per-domain')
  assert.equal(wait.until, after(202 * minuteMs + latencyMs))
  assert.equal(
    wait.text,
    'example.com: the CA allows 50 certificates for one registered domain; the next one fits at 2026-11-01T03:23:00Z',
  )
  assert.equal(waits(other('elsewhere')), undefined)
  assert.equal(waits(order('new.example.com'), wait.until), undefined)
})

test('300 orders of an account fit at once', () => {
  const { send, waits } = book()
  for (let index = 0; index < 300; index++) send(other(`${index}`))
  const wait = waits(other('one-more'))
  assert.deepEqual([wait?.limit, wait?.until], ['new-orders', after(36 * secondMs + latencyMs)])
})

test('a renewal of the same set waits for neither of them, and one that the CA advised for no limit but a pause', () => {
  const { send, waits, failed } = book()
  for (let index = 0; index < 300; index++) send(order('x'))
  assert.notEqual(waits(order('a')), undefined)
  assert.equal(waits(order('a', 'same-set')), undefined)
  assert.equal(waits(order('x', 'same-set'))?.limit, 'certificates-per-set')
  assert.equal(waits(order('x', 'ari')), undefined)
  for (let index = 0; index < 5; index++) failed(order('f'), start, start)
  assert.equal(waits(order('f', 'same-set'))?.limit, 'failed-validations')
  assert.equal(waits(order('f', 'ari')), undefined)
  for (let index = 0; index < 1_152; index++) failed(order('f'), start, start)
  assert.equal(waits(order('f', 'ari'))?.limit, 'failures-in-a-row')
})

test('an exempt renewal leaves a trace only in the bucket of its set, where the CA counts it too', () => {
  const { send, ledger } = book()
  send(order('a', 'ari', 'same-set'))
  assert.deepEqual([...ledger.keys()], ['certificates-per-set:a'])
})

test('another account at the same CA has orders of its own, and shares the domains', () => {
  const { send, waits } = book()
  for (let index = 0; index < 300; index++) send(other(`${index}`))
  assert.equal(waits({ ...other('more'), account: 'theirs' }), undefined)
  for (let index = 0; index < 50; index++) send(order(`${index}.example.com`))
  const wait = waits({ ...order('new.example.com'), account: 'theirs' })
  assert.equal(wait?.limit, 'certificates-per-domain')
})

test('an order that failed gives its certificate back, not its order', () => {
  const { send, failed, ledger } = book()
  send(order('a'))
  failed(order('a'), start, after(minuteMs))
  assert.deepEqual(
    [...ledger]
      .filter(([, fullAt]) => fullAt > after(minuteMs))
      .map(([bucket]) => bucket)
      .sort(),
    ['failed-validations:a', 'failures-in-a-row:a'],
  )
  const { send: again, waits } = book()
  for (let index = 0; index < 300; index++) again(other(`${index}`))
  failed(other('0'), start, start)
  assert.equal(waits(other('more'))?.limit, 'new-orders')
})

test('a success ends the row of failures, not the count of the hour', () => {
  const { failed, issued, ledger } = book()
  failed(order('a'), start, start)
  issued(order('a'), start, start)
  assert.ok(ledger.has('failed-validations:a'))
  assert.ok(!ledger.has('failures-in-a-row:a'))
})

test('a refusal that names a limit holds back what that limit counts, until the time it names', () => {
  const { refused, waits } = book()
  const until = after(5 * hourMs)
  refused(
    order('a'),
    'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-11-01 05:00:00 UTC',
    undefined,
  )
  assert.deepEqual(
    [waits(order('b'))?.limit, waits(order('b'))?.until],
    ['certificates-per-domain', plusMs(until, latencyMs)],
  )
  assert.equal(waits(order('b', 'same-set')), undefined)
  assert.equal(waits(other('b')), undefined)
  assert.equal(waits(order('b'), until), undefined)
})

test('a refusal that names a domain which is not of the order holds back all of its domains', () => {
  const { refused, waits } = book()
  const detail = 'too many certificates (50) already issued for "example" in the last 168h0m0s'
  refused(order('a'), detail, after(hourMs))
  assert.equal(waits(order('b'))?.limit, 'certificates-per-domain')
})

test('a refusal for another reason holds back the same set only, whatever it is exempt from', () => {
  const { refused, waits, issued } = book()
  refused(order('a'), 'Service busy; retry later.', after(hourMs))
  const wait = waits(order('a', 'ari'))
  assert.deepEqual([wait?.limit, wait?.until], ['refusal', after(hourMs)])
  assert.equal(wait?.text, 'the CA asked to come back at 2026-11-01T01:00:00Z')
  assert.equal(waits(order('b')), undefined)
  assert.equal(waits(order('a'), after(hourMs)), undefined)
  issued(order('a'), start, start)
  assert.equal(waits(order('a')), undefined)
})

test('without known limits there is nothing to keep, and a refusal is kept all the same', () => {
  const { send, refused, waits, ledger } = book({})
  send(order('a'))
  assert.equal(ledger.size, 0)
  refused(order('a'), 'too many new orders (9) from this account', after(hourMs))
  assert.equal(waits(order('a'))?.limit, 'refusal')
})

test('what is refused comes back, and the refusal stays', () => {
  const { send, refused, waits, ledger } = book()
  send(order('a'))
  refused(order('a'), 'too many new orders (300) from this account in the last 3h0m0s', after(minuteMs))
  assert.equal(waits(other('b'))?.until, after(minuteMs + latencyMs))
  assert.equal(ledger.get('certificates-per-domain:example.com'), start)
})

test('a claim takes its tokens only where it fits', () => {
  const single: Limits = { 'new-orders': { capacity: 1, refillMs: hourMs } }
  const first = claimOrder(new Map(), order('a'), single, start)
  assert.deepEqual(first, { result: undefined, changes: [['new-orders:ours', after(hourMs)]] })
  const ledger = new Map<string, Instant>()
  applyChanges(ledger, first.changes)
  const second = claimOrder(ledger, order('b'), single, start)
  assert.equal(second.result?.until, after(hourMs + latencyMs))
  assert.deepEqual(second.changes, [])
})

test('accounts: 10 at once, and none before a refusal says so', () => {
  const ledger = new Map<string, Instant>()
  for (let index = 0; index < 10; index++) {
    assert.equal(forecastAccount(ledger, limits, start), start)
    applyChanges(ledger, recordAccount(ledger, limits, start))
  }
  assert.equal(forecastAccount(ledger, limits, start), after(18 * minuteMs))
  const detail = 'too many new registrations (10) from this IP address in the last 3h0m0s'
  applyChanges(
    ledger,
    recordAccountRefusal(ledger, limits, { detail, retryAt: after(9 * hourMs), now: start }),
  )
  assert.equal(forecastAccount(ledger, limits, start), after(9 * hourMs))
  assert.equal(forecastAccount(ledger, {}, start), start)
})

// Small numbers, so that every limit is reached.
const tight: Limits = {
  'new-orders': { capacity: 4, refillMs: 10 * minuteMs },
  'certificates-per-domain': { capacity: 3, refillMs: 35 * minuteMs },
  'certificates-per-set': { capacity: 2, refillMs: 3 * hourMs },
  'failed-validations': { capacity: 2, refillMs: 20 * minuteMs },
  'failures-in-a-row': { capacity: 6, refillMs: 9 * hourMs },
}
const fleet = { size: 6, domainCount: 3, domainsOf: (index: number) => (index === 5 ? [0, 2] : [index % 3]) }
const steps = fc.array(
  fc.record({
    certificate: fc.nat(fleet.size - 1),
    gapMinutes: fc.oneof(fc.nat(20), fc.nat(600)),
    delayMinutes: fc.oneof(fc.nat(30), fc.nat(400)),
    fails: fc.boolean(),
    replaces: fc.boolean(),
  }),
  { minLength: 30, maxLength: 120 },
)

test('what the ledger lets through is never refused by a CA with the same limits', () => {
  let sent = 0
  fc.assert(
    fc.property(steps, script => {
      const lifetimeMs = 2 * dayMs
      const ca = createModelCa(fleet, tight, lifetimeMs)
      const ledger = new Map<string, Instant>()
      const current = new Map<number, ReturnType<typeof ca.issue>>()
      const keep = (changes: LedgerChanges) => applyChanges(ledger, changes)
      let pending: {
        readonly at: Instant
        readonly end: (at: Instant) => void
        readonly certificate: number
      }[] = []
      let now = start
      for (const { certificate, gapMinutes, delayMinutes, fails, replaces } of script) {
        now = plusMs(now, gapMinutes * minuteMs)
        for (const { at, end } of pending.toSorted((a, b) => a.at - b.at)) if (at <= now) end(at)
        pending = pending.filter(({ at }) => at > now)
        if (pending.some(one => one.certificate === certificate)) continue // one order at a time for one certificate
        const known = current.get(certificate)
        const inWindow = known !== undefined && known.window.start <= now && now < known.window.end
        const facts: OrderFacts = {
          account: 'ours',
          set: `${certificate}`,
          domains: fleet.domainsOf(certificate).map(String),
          identifiers: [`${certificate}`],
          exemptions: [
            ...(replaces && inWindow ? (['ari'] as const) : []),
            ...(known === undefined ? [] : (['same-set'] as const)),
          ],
        }
        const orderedAt = now
        const { result, changes } = claimOrder(ledger, facts, tight, now)
        if (result !== undefined) continue
        keep(changes)
        const refusal = ca.newOrder(certificate, now, replaces)
        assert.equal(refusal, undefined, `refused at ${formatInstant(now)}: ${refusal?.detail}`)
        sent += 1
        const end = (at: Instant) => {
          if (fails) {
            ca.fail(certificate, at)
            keep(recordFailed(ledger, facts, tight, { orderedAt, now: at, failed: facts.identifiers }))
          } else {
            current.set(certificate, ca.issue(certificate, at))
            keep(recordIssued(ledger, facts, tight, { orderedAt, now: at }))
          }
        }
        pending.push({ at: plusMs(now, delayMinutes * minuteMs), end, certificate })
      }
    }),
    { numRuns: 300 },
  )
  assert.ok(sent > 1_000, 'orders were sent')
})
