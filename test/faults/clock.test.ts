/** Clocks that are set by hand, by NTP or by a dead battery, and machines that sleep: at every step of a renewal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration } from '../../src/base/duration.ts'
import { AppError, type ErrorCode } from '../../src/base/errors.ts'
import { dayMs, hourMs, minuteMs, plusMs } from '../../src/base/instant.ts'
import { readRenewal } from '../../src/manage/store/renewals.ts'
import type { CaAnswer, CaResource } from '../support/memory-ca.ts'
import { createSite, onlySpec, type Site, type SiteLook, state } from '../support/memory-site.ts'
import { arriveAt, checkNothingLeft, checkTold, describe, heal, isGood, issuedOf } from './survive.ts'

const yearMs = 365 * dayMs
/** Set by somebody, by a wrong zone, by a battery that is empty: clocks begin in 1970 then, or in 2000. */
const jumps = [1.5 * hourMs, dayMs, 30 * dayMs, yearMs, 20 * yearMs].flatMap(ms => [ms, -ms])

type Step = {
  readonly name: string
  /** Brings the site there. */
  readonly arrive: (site: Site) => Promise<void>
  /** Has the clock jump. */
  readonly strike: (site: Site, jump: () => void) => void
  /** Certificates that cannot be used, because the clock jumped while they were made. */
  readonly spoilt?: number
  readonly codes?: readonly ErrorCode[]
}

/** The clock jumps while the CA answers. */
function during(place: CaResource): Step {
  return {
    name: `while a renewal is at ${place}`,
    arrive: site => arriveAt('renewal', site),
    strike: (site, jump) => {
      let done = false
      for (const ca of site.cas) {
        const answer: CaAnswer = async call => {
          const reply = await call.good()
          if (!done) jump()
          done = true
          return reply
        }
        ca.become({ [place]: answer })
      }
    },
    // What was looked at before the order was right then.
    spoilt: 1,
    codes: ['ERR_CLOCK', 'ERR_CERTIFICATE_MISMATCH', 'ERR_ORDER'],
  }
}

const caIsDown = () => {
  throw new AppError('ERR_NETWORK', 'cannot connect to ca.example:443: connection refused', { hint: 'wait' })
}

const steps: readonly Step[] = [
  { name: 'before the first issuance', arrive: site => arriveAt('first', site), strike: (_, jump) => jump() },
  {
    name: 'while all is well',
    arrive: async site => {
      await site.look()
      await site.clock.advance(10 * dayMs)
    },
    strike: (_, jump) => jump(),
  },
  { name: 'just before a renewal', arrive: site => arriveAt('renewal', site), strike: (_, jump) => jump() },
  {
    name: 'while the CA is down',
    arrive: site => arriveAt('renewal', site),
    strike: ({ cas }, jump) => {
      jump()
      for (const ca of cas) ca.become({ directory: caIsDown })
    },
    codes: ['ERR_CLOCK', 'ERR_NETWORK'],
  },
  {
    name: 'while the web server is broken',
    arrive: site => arriveAt('renewal', site),
    strike: (site, jump) => {
      jump()
      const error = new AppError('ERR_DEPLOY_BROKEN_BEFORE', 'web: broken', { hint: 'mend it' })
      site.become({ inspect: () => ({ state: 'broken', error }) })
    },
    codes: ['ERR_CLOCK', 'ERR_DEPLOY_BROKEN_BEFORE'],
  },
  during('new-order'),
  during('challenge'),
  during('finalize'),
  during('certificate'),
]

/** How long the clock is wrong. */
const wrongForMs = dayMs
/** Looks every ten minutes, each with a question about the time, and one about the renewal. */
const maxRequestsPerDay = 24 * 6 * 3

for (const step of steps) {
  for (const ms of jumps) {
    const what = `${formatDuration(Math.abs(ms))} ${ms > 0 ? 'ahead' : 'behind'}`
    test(`the clock is set ${what} ${step.name}`, () => setClock(step, ms))
  }
}

async function setClock(
  { arrive, strike, spoilt = 0, codes = ['ERR_CLOCK'] }: Step,
  ms: number,
): Promise<void> {
  const site = await createSite()
  await arrive(site)
  const { name } = onlySpec(site)
  const good = site.served(name)
  const before = { issued: issuedOf(site), told: site.told.length, requests: requestsOf(site) }
  let jumped = false
  strike(site, () => {
    site.clock.jump(ms)
    jumped = true
  })
  const check = (look: SiteLook): boolean => {
    checkServed(site, good)
    for (const { error } of look.results)
      if (error !== undefined) assert.ok(codes.includes(error.code), describe(look))
    assert.equal(look.error, undefined)
    return false
  }
  const looks: SiteLook[] = [await site.look()]
  assert.ok(jumped, 'the clock never jumped')
  looks.push(...(await site.goOn(plusMs(site.clock.now(), wrongForMs), check)))
  const requests = requestsOf(site) - before.requests
  assert.ok(requests <= (maxRequestsPerDay * wrongForMs) / dayMs, `${requests} requests`)

  heal(site)
  site.clock.jump(site.trueTime() - site.clock.now()) // which wakes the daemon
  const after = await site.goOn(plusMs(site.clock.now(), 1.1 * dayMs + hourMs), look => {
    check(look)
    return isGood(look)
  })
  assert.ok(after.some(isGood), `it did not recover: ${describe(after.at(-1))}`)
  assert.ok(issuedOf(site) - before.issued <= 1 + spoilt, `${issuedOf(site) - before.issued} were issued`)
  checkTold(site.told.slice(before.told), [...looks, ...after])
  await site.goOn(plusMs(site.clock.now(), 2 * minuteMs))
  const { checkAgainAt = site.clock.now() } = (await readRenewal(state, name, { files: site.disk })) ?? {}
  assert.ok(checkAgainAt <= site.clock.now() + dayMs, 'the CA is not asked any more when to renew')

  // The next renewal comes when it is due, whatever was written down in the meantime.
  const latest = site.cas[0]?.issued.at(-1)
  assert.ok(latest !== undefined)
  const issued = issuedOf(site)
  await site.clock.advance(Math.max(plusMs(latest.notBefore, 70 * dayMs) - site.clock.now(), 0))
  const renewal = await site.goOn(plusMs(site.clock.now(), 2 * minuteMs), isGood)
  assert.ok(renewal.some(isGood), `it was not renewed: ${describe(renewal.at(-1))}`)
  assert.equal(issuedOf(site), issued + 1)
  await site.goOn(plusMs(site.clock.now(), dayMs))
  await checkNothingLeft(site)
}

function requestsOf({ cas }: Site): number {
  return cas.reduce((count, { requests }) => count + requests.length, 0)
}

/** Visitors know what time it is. */
function checkServed(site: Site, good: string | undefined): void {
  const served = site.served(onlySpec(site).name)
  if (good !== undefined) assert.ok(served !== undefined, 'nothing is served any more')
  const issued = site.cas.flatMap(ca => ca.issued).find(({ fingerprint }) => fingerprint === served)
  if (served !== undefined)
    assert.ok(issued !== undefined && issued.notAfter > site.trueTime(), 'it has expired')
}

const naps = [2 * hourMs, 3 * dayMs, 8 * dayMs] as const
const places = [
  'directory',
  'new-nonce',
  'new-order',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
] as const
for (const ms of naps) {
  for (const place of places) {
    test(`the machine sleeps for ${formatDuration(ms)} while a renewal is at ${place}`, async () => {
      const site = await createSite()
      await arriveAt('renewal', site)
      const { name } = onlySpec(site)
      const good = site.served(name)
      let slept = false
      for (const ca of site.cas) {
        const answer: CaAnswer = async call => {
          const reply = await call.good()
          if (!slept) await call.clock.sleep(ms)
          slept = true
          return reply
        }
        ca.become({ [place]: answer })
      }
      const looks = await site.goOn(plusMs(site.clock.now(), ms + 2 * hourMs))
      assert.ok(slept)
      assert.ok(looks.some(isGood), describe(looks.at(-1)))
      assert.notEqual(site.served(name), good)
      assert.ok(issuedOf(site) <= 2, 'an order that was there is continued')
      await checkNothingLeft(site)
    })
  }
}

for (const days of [30, 61, 88, 120, 800]) {
  test(`the machine is off for ${days} days`, async () => {
    const site = await createSite()
    await site.look()
    const { name } = onlySpec(site)
    await site.clock.advance(days * dayMs)
    const { results } = await site.look()
    assert.equal(results[0]?.outcome, days < 60 ? 'unchanged' : 'issued')
    assert.equal(issuedOf(site), days < 60 ? 1 : 2)
    assert.equal(site.served(name), site.cas[0]?.issued.at(-1)?.fingerprint)
    assert.deepEqual(await site.disk.list(`${state}/attempts`), [])
  })
}
