/**
 * Living through a fault: it strikes at a moment of a certificate's life, lasts, and is over. What must be true at every
 * instant, and what must be true at the end, is here; what is particular to a fault is in its case.
 */
import assert from 'node:assert/strict'
import { type AppError, type ErrorCode, errorCodes, messageOf } from '../../src/base/errors.ts'
import {
  dayMs,
  formatInstant,
  hourMs,
  type Instant,
  minuteMs,
  plusMs,
  secondMs,
} from '../../src/base/instant.ts'
import { isTrouble, type Notification } from '../../src/contracts/notifier.ts'
import type { ApplyResult } from '../../src/manage/apply-result.ts'
import { readMemory } from '../../src/manage/notify/memory.ts'
import { reminderMs } from '../../src/manage/notify/stage.ts'
import { expectedRenewal } from '../../src/manage/plan/renewal-time.ts'
import { retryLadderMs } from '../../src/manage/plan/retry-time.ts'
import { keptGenerations, listGenerations, liveGeneration } from '../../src/manage/store/generations.ts'
import { readRenewal } from '../../src/manage/store/renewals.ts'
import { createSite, onlySpec, type Site, type SiteLook, state, webroot } from '../support/memory-site.ts'

/** When a fault strikes. */
export const moments = {
  first: 'at the first issuance',
  renewal: 'at a renewal',
  late: 'at a renewal four days before the end',
} as const
export type Moment = keyof typeof moments
export const allMoments = Object.keys(moments) as readonly Moment[] // of this very table

/** What fails. */
export type Failing = {
  readonly codes: readonly ErrorCode[]
  /** What and where. */
  readonly says: readonly RegExp[]
  /** How long the CA asks to stay away. */
  readonly retryAfterMs?: number
}

export type FaultCase = {
  /** Reads as a sentence, the moment apart. */
  readonly name: string
  readonly moment: Moment
  /** Brings the fault about, and calls `hit` each time that it shows. One that never shows proves nothing. */
  readonly strike: (site: Site, hit: () => void) => void
  readonly lastsMs?: number
  /** Absent where the fault does no harm. */
  readonly fails?: Failing
  /** It fails like that or not at all: whether the place matters is not what this is about. */
  readonly mayPass?: boolean
  /** A warning that is given in place of, or beside, a failure. */
  readonly warns?: RegExp
  /** Certificates that the fault makes useless. */
  readonly spoilt?: number
  readonly maxRequestsPerDay?: number
}

/** Long enough for the whole ladder, from a minute to a day. */
const usualFaultMs = 30 * hourMs
/** The last step of the ladder with its jitter, or what a CA may ask for, and the issuance itself. */
const recoveryMs = 1.1 * dayMs + hourMs
/** How long it is quiet afterwards. */
const quietMs = 2 * dayMs

/**
 * Requests to CAs in 24 hours: five attempts, each with at most 12 requests for two names of which one is tried four times,
 * or eleven times with other nonces, and one look at renewal information an hour.
 */
const maxRequestsPerDay = 5 * 25 + 24

/** Lives through a case, and checks everything on the way. */
export async function survive(one: FaultCase): Promise<void> {
  const site = await createSite()
  await arriveAt(one.moment, site)
  const spec = onlySpec(site)
  const good = site.served(spec.name)
  const before = { told: site.told.length, issued: issuedOf(site), events: site.events.length }
  const begin = site.clock.now()

  let hits = 0
  one.strike(site, () => {
    hits += 1
  })
  const during = await site.goOn(plusMs(begin, one.lastsMs ?? usualFaultMs), look => {
    checkServed(site, good)
    checkLook(look, one)
    return false
  })
  assert.ok(hits > 0, 'the fault never struck')
  heal(site)
  const after = await site.goOn(plusMs(site.clock.now(), recoveryMs), look => {
    checkServed(site, good)
    return isGood(look)
  })
  assert.ok(after.some(isGood), `it did not recover: ${describe(after.at(-1))}`)
  const quiet = await site.goOn(plusMs(site.clock.now(), quietMs), look => {
    assert.ok(isWell(look), `it was not well for long: ${describe(look)}`)
    return false
  })

  if (one.fails !== undefined && one.mayPass !== true) assert.ok(during.some(hasFailed), 'it did no harm')
  const warnings = site.events.slice(before.events).filter(({ level }) => level === 'warning')
  if (one.warns !== undefined)
    assert.match(warnings.map(({ text }) => text).join('\n') || 'no warning', one.warns)
  checkPace([...during, ...after, ...quiet], one)
  checkRequests(site, begin, one.maxRequestsPerDay ?? maxRequestsPerDay)
  const needed = 1 + (one.spoilt ?? 0)
  const issued = issuedOf(site) - before.issued
  assert.ok(issued <= needed, `${issued} certificates were issued, needed are ${needed}`)
  assert.notEqual(site.served(spec.name), good, 'there is no new certificate')
  checkTold(site.told.slice(before.told), [...during, ...after])
  await checkNothingLeft(site)
}

/** Makes everything good again. */
export function heal(site: Site): void {
  for (const ca of site.cas) ca.become()
  site.become()
  site.files.setFaults(undefined)
}

/** Brings a new site to the moment at which a fault is to strike. */
export async function arriveAt(moment: Moment, site: Site): Promise<void> {
  if (moment === 'first') return
  const { name } = onlySpec(site)
  const first = await site.look()
  const certificate = first.results[0]?.certificate
  if (certificate === undefined) return assert.fail(describe(first))
  const record = await readRenewal(state, name, { files: site.disk })
  const due = expectedRenewal(certificate, record).at
  const until = moment === 'renewal' ? due : plusMs(certificate.notAfter, -4 * dayMs)
  await site.clock.advance(until - site.clock.now())
}

/** Certificates that all CAs of a site have issued. */
export function issuedOf({ cas }: Pick<Site, 'cas'>): number {
  return cas.reduce((count, { issued }) => count + issued.length, 0)
}

/** Nothing is due, and nothing is wrong. */
export function isWell({ results, error }: SiteLook): boolean {
  return error === undefined && results.length > 0 && results.every(({ outcome }) => outcome === 'unchanged')
}

const goodOutcomes: readonly ApplyResult['outcome'][] = ['issued', 'deployed', 'unchanged']

/** What was due is done, and nothing is wrong. */
export function isGood({ results, error }: SiteLook): boolean {
  return (
    error === undefined &&
    results.length > 0 &&
    results.every(({ outcome }) => goodOutcomes.includes(outcome))
  )
}

function hasFailed({ results, error }: SiteLook): boolean {
  return error !== undefined || results.some(result => result.error !== undefined)
}

/** A look in one line, for the messages of tests. */
export function describe(look: SiteLook | undefined): string {
  if (look === undefined) return 'nothing was looked at'
  const { at, results, error } = look
  const texts = results.map(
    result => `${result.outcome} ${result.error?.message ?? result.action?.reason.text ?? ''}`,
  )
  return [formatInstant(at), ...texts, ...(error === undefined ? [] : [messageOf(error)])].join('; ')
}

/** What is served is the last good certificate, or the one that has taken its place. */
function checkServed(site: Site, good: string | undefined): void {
  const served = site.served(onlySpec(site).name)
  if (good !== undefined) assert.ok(served !== undefined, 'nothing is served any more')
  if (served === undefined) return
  const issued = site.cas.flatMap(ca => ca.issued).find(({ fingerprint }) => fingerprint === served)
  assert.ok(issued !== undefined, 'something unknown is served')
  assert.ok(issued.notAfter > site.clock.now(), 'what is served has expired')
}

function checkLook(look: SiteLook, { fails }: FaultCase): void {
  if (fails === undefined) return assert.ok(!hasFailed(look), `it should do no harm: ${describe(look)}`)
  for (const { error, retryAt } of look.results) {
    if (error !== undefined) checkError(error, fails)
    if (retryAt !== undefined)
      assert.ok(retryAt > look.at, `it is tried again at ${formatInstant(retryAt)}, in the past`)
  }
  if (look.error !== undefined) checkError(look.error as AppError, fails) // nothing else may be thrown
}

function checkError({ code, message, hint = '' }: AppError, { codes, says }: Failing): void {
  assert.ok(code in errorCodes, `${code} is not in the registry: ${message}`)
  assert.ok(codes.includes(code), `${code} is none of ${codes.join(', ')}: ${message}`)
  for (const pattern of says) assert.match(message, pattern)
  assert.ok(hint !== '', `there is no hint with: ${message}`)
}

/** Tried again by the ladder or when the CA asks for it, and not before. */
function checkPace(looks: readonly SiteLook[], { fails }: FaultCase): void {
  let row = 0
  let last: ApplyResult | undefined
  for (const { at, results } of looks) {
    const [result] = results
    if (result === undefined || result.outcome === 'waiting') continue
    const notBefore = last?.retryAt
    if (notBefore !== undefined && isAgain(result, last))
      assert.ok(at >= notBefore - secondMs, `it was tried before ${formatInstant(notBefore)}`)
    // Where nothing says when, the fault is one of the machine: the daemon has a pace of its own.
    last = result.outcome === 'failed' && result.retryAt !== undefined ? result : undefined
    row = last === undefined ? 0 : row + 1
    if (last !== undefined) checkStep(last, { at, row, askedMs: fails?.retryAfterMs ?? 0 })
  }
}

/** Whether it is what had failed: an issuance that failed in its last step may be found done, and only be delivered. */
function isAgain({ outcome }: ApplyResult, failed: ApplyResult | undefined): boolean {
  if (outcome === 'unchanged') return false
  return outcome !== 'deployed' || failed?.certificate !== undefined
}

/** A look goes on a little after what failed in it: other requests, clean-up. */
const toleranceMs = 2 * minuteMs

function checkStep(
  { retryAt, error }: ApplyResult,
  { at, row, askedMs }: { readonly at: Instant; readonly row: number; readonly askedMs: number },
): void {
  const step = retryLadderMs[Math.min(row, retryLadderMs.length) - 1] ?? dayMs
  const waitMs = (retryAt ?? at) - at
  const asked = error?.retryAt === undefined ? 0 : askedMs
  const least = Math.max(step * 0.9, asked) - toleranceMs
  const most = Math.max(step * 1.1, askedMs) + toleranceMs
  assert.ok(
    waitMs >= least && waitMs <= most,
    `after failure ${row} it waits ${waitMs / minuteMs} min, not ${least / minuteMs} to ${most / minuteMs}`,
  )
}

function checkRequests({ cas }: Site, begin: Instant, most: number): void {
  const times = cas
    .flatMap(({ requests }) => requests.map(({ at }) => at))
    .filter(at => at >= begin)
    .sort((one, other) => one - other)
  let from = 0
  for (const [index, at] of times.entries()) {
    while ((times[from] ?? at) <= at - dayMs) from += 1
    assert.ok(index - from < most, `more than ${most} requests within the day before ${formatInstant(at)}`)
  }
}

/** Said when it is known, not again within a day, and called off once. */
export function checkTold(told: readonly Notification[], looks: readonly SiteLook[]): void {
  const kinds = told.map(({ kind }) => kind).join(', ')
  const troubles = told.filter(({ kind }) => isTrouble(kind))
  const last = new Map<string, Instant>()
  for (const { kind, urgency, items, at } of troubles) {
    const what = `${kind} ${urgency} ${items[0]?.cause ?? ''}`
    const before = last.get(what)
    assert.ok(before === undefined || at - before >= reminderMs, `told twice within a day: ${what}`)
    last.set(what, at)
  }
  const recovered = told.filter(({ kind }) => kind === 'recovered')
  assert.equal(recovered.length, troubles.length > 0 ? 1 : 0, `told: ${kinds}`)
  if (recovered.length > 0) assert.equal(told.at(-1)?.kind, 'recovered', `told: ${kinds}`)
  const failed = looks.filter(({ results }) => results.some(({ outcome }) => outcome === 'failed'))
  const [first, latest] = [failed.at(0), failed.at(-1)]
  const isLong = first !== undefined && latest !== undefined && latest.at - first.at >= reminderMs
  if (isLong) assert.ok(troubles.length > 0, 'nobody was told')
}

/** Only what a site has that never had any trouble. */
export async function checkNothingLeft({ clock, disk, specs }: Site): Promise<void> {
  const names = specs.map(({ name }) => name).join('|')
  const usual = new RegExp(
    `^${state}/(accounts/\\w+/(account\\.json|key\\.pem)|certificates/(${names})/\\d{6}-\\w+/\\w+\\.(pem|json)|` +
      `(deployments|history|renewals)/(${names})\\.json|limits/[\\w.-]+\\.json|live/(${names})|notifications\\.json)$`,
  )
  const left = [...disk.snapshot().keys()].filter(path => !usual.test(path))
  assert.deepEqual(left, [], 'left behind')
  assert.deepEqual(await disk.list(webroot), [], 'left in the webroot')
  assert.deepEqual(await disk.list(`${state}/runs`), [], 'runs that are not finished')
  for (const { name } of specs) {
    const { damaged, stored } = await listGenerations(state, name, { files: disk })
    assert.deepEqual(damaged, [], 'damaged generations')
    assert.equal(await liveGeneration(state, name, { files: disk }), stored.at(-1)?.generation)
    assert.ok(stored.length <= keptGenerations + 1, `${stored.length} generations are kept`)
  }
  const { troubles, unsent } = await readMemory(state, { files: disk, now: clock.now() })
  assert.deepEqual([troubles, unsent], [[], []], 'a trouble that is not called off')
}
