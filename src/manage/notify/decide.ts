/** From what came of a run, and what was told before, to what is told now. Pure. */
import type { AppError } from '../../base/errors.ts'
import type { Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import {
  type Notification,
  type NotificationItem,
  type Urgency,
  urgencies,
} from '../../contracts/notifier.ts'
import type { EndpointRecord } from '../monitor/endpoint-records.ts'
import type { SpecName } from '../spec.ts'
import { causeSignature, failureKind, isPassing, shownCause } from './cause.ts'
import { decideEndpoints, type EndpointTrouble } from './endpoint-troubles.ts'
import { type Finding, gather } from './gather.ts'
import { expiryStage, isNearer, reminderMs, type Stage, troubleUrgency, type Validity } from './stage.ts'
import type { Failure, Trouble } from './trouble.ts'
import { expiryText, failureText, recoveryText, renewalText } from './words.ts'

/** What became of one certificate; an `ApplyResult` of the manager is one. */
export type RunResult = {
  readonly spec: { readonly name: SpecName; readonly identifiers: readonly { readonly value: string }[] }
  readonly outcome: 'issued' | 'deployed' | 'unchanged' | 'waiting' | 'refused' | 'failed'
  readonly certificate?: Validity
  readonly action?: { readonly reason: { readonly text: string } }
  readonly targets: readonly { readonly target: string; readonly error?: AppError }[]
  readonly error?: AppError
  /** When what failed, or is waited for, is tried again. */
  readonly retryAt?: Instant
}

/** Whether the certificate is as it should be. */
export function isGood({ outcome }: Pick<RunResult, 'outcome'>): boolean {
  return outcome === 'issued' || outcome === 'deployed' || outcome === 'unchanged'
}

/** What a run hands over. */
export type Run = {
  /** Of all certificates, or of those that were asked for. */
  readonly results: readonly RunResult[]
  /** The names of all certificates. */
  readonly configured: readonly string[]
  /** When the next run begins, where that is known. */
  readonly nextRunAt?: Instant
  /** What was seen at all monitored endpoints; absent where nobody looked. */
  readonly endpoints?: readonly EndpointRecord[]
}

/** A run, with what else is looked at. */
export type RunReport = Run & {
  readonly at: Instant
  readonly host: string
  /** Of the certificates that servers are given after the run, by name. */
  readonly validity: ReadonlyMap<string, Validity>
}

export type Decision = {
  /** The most urgent first. */
  readonly notifications: readonly Notification[]
  /** What is to be remembered until the next run. */
  readonly troubles: readonly Trouble[]
  readonly endpointTroubles: readonly EndpointTrouble[]
}

/**
 * Renewals are one digest. A failure is told when it is new or its cause changes, and again after a day; one that
 * usually passes by itself only when it stays, unless time is short. That time runs out is told at each stage, and every
 * day once it has. What was told is called off when it is over.
 */
export function decideNotifications(
  run: RunReport,
  before: readonly Trouble[],
  endpointsBefore: readonly EndpointTrouble[] = [],
): Decision {
  const known = new Map(before.map(trouble => [trouble.name, trouble]))
  const findings: Finding[] = []
  for (const result of run.results) {
    const { name } = result.spec
    const { trouble, found } = judge(result, known.get(name), run)
    findings.push(...found)
    if (trouble === undefined) known.delete(name)
    else known.set(name, trouble)
  }
  for (const trouble of known.values()) {
    if (run.configured.includes(trouble.name)) continue
    known.delete(trouble.name)
    findings.push(...calledOff(trouble, { text: 'no longer configured' }))
  }
  const endpoints =
    run.endpoints === undefined
      ? { findings: [], troubles: endpointsBefore }
      : decideEndpoints(run.endpoints, endpointsBefore, { nextLookAt: run.nextRunAt })
  return {
    notifications: gather([...findings, ...endpoints.findings], run),
    troubles: [...known.values()],
    endpointTroubles: endpoints.troubles,
  }
}

type Judgement = { readonly trouble?: Trouble; readonly found: readonly Finding[] }

/** A server that fails in many ways, one after the other, shall not send a mail for each. */
const maxCausesPerDay = 4
/** More than can be told in a day. */
const maxRemembered = 8

function judge(result: RunResult, before: Trouble | undefined, run: RunReport): Judgement {
  const { outcome, spec } = result
  const validity = run.validity.get(spec.name)
  if (outcome === 'failed' || outcome === 'refused' || outcome === 'waiting')
    return judgeTrouble(result, before, run)
  if (before?.urgency !== undefined) {
    const text = recoveryText(before.failure, validity)
    return { found: calledOff(before, { ...identity(result), text, ...expiry(validity) }) }
  }
  if (outcome === 'unchanged') return { found: [] }
  const targets = result.targets.map(({ target }) => target)
  const text = renewalText(outcome, targets, validity)
  return {
    found: [
      {
        kind: 'renewed',
        urgency: 'info',
        item: { key: spec.name, ...identity(result), text, ...expiry(validity) },
      },
    ],
  }
}

function judgeTrouble(result: RunResult, before: Trouble | undefined, run: RunReport): Judgement {
  const { at } = run
  const { name } = result.spec
  const validity = run.validity.get(name)
  const stage = validity === undefined ? 'far' : expiryStage(validity, at)
  const failure = failureOf(result, before?.failure, run)
  const told = before?.told ?? []
  const lately = told.filter(one => isLately(one.at, at))
  const isKnown = told.some(({ signature }) => signature === failure?.signature)
  const mayPass = failure !== undefined && mayPassUnseen(failure, { stage, validity, before, at })
  const failureDue =
    failure !== undefined &&
    !mayPass &&
    !lately.some(({ signature }) => signature === failure.signature) &&
    lately.length < maxCausesPerDay
  const stageDue = isStageDue(stage, before, at)

  const urgency = troubleUrgency(stage)
  const about = { key: name, ...identity(result), ...details(failure, result, run), ...expiry(validity) }
  const found: Finding[] = []
  // A cause that was told before needs no notification of its own when there is one about the time that is left.
  if (failureDue && !(stageDue && isKnown)) {
    const text = failureText(failure, validity)
    found.push({ kind: failure.kind, urgency, item: { ...about, text } })
  }
  if (stageDue && validity !== undefined) {
    found.push({ kind: 'expiry-near', urgency, item: { ...about, text: expiryText(stage, validity, at) } })
  }
  const nowTold =
    failure !== undefined && found.length > 0
      ? [
          ...told.filter(({ signature }) => signature !== failure.signature),
          { signature: failure.signature, at },
        ]
      : told
  const highest = [before?.urgency, ...found.map(one => one.urgency)].reduce(higher, undefined)
  const stageToldAt = stageDue ? at : before?.stageToldAt
  if (failure === undefined && highest === undefined) return { found }
  return {
    found,
    trouble: {
      name,
      ...(failure !== undefined && { failure }),
      stage: stageDue ? stage : (before?.stage ?? 'far'),
      ...(stageToldAt !== undefined && { stageToldAt }),
      told: nowTold.slice(-maxRemembered),
      ...(highest !== undefined && { urgency: highest }),
    },
  }
}

/** The failure after this run: a new attempt, or the one that is still waited after. */
function failureOf(
  { outcome, error, targets, retryAt }: RunResult,
  before: Failure | undefined,
  { at, nextRunAt }: RunReport,
): Failure | undefined {
  if (outcome === 'waiting' || error === undefined) {
    if (before === undefined) return undefined
    const nextAttemptAt = later(retryAt, nextRunAt)
    const { nextAttemptAt: _, ...rest } = before
    return { ...rest, ...(nextAttemptAt !== undefined && { nextAttemptAt }) }
  }
  const nextAttemptAt = later(retryAt ?? error.retryAt, nextRunAt)
  const delivering = targets.some(target => target.error !== undefined)
  return {
    kind: failureKind(error, { delivering }),
    code: error.code,
    signature: causeSignature(error),
    cause: shownCause(error.message),
    ...(error.hint !== undefined && { advice: shownCause(error.hint) }),
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
    since: before?.since ?? at,
    attempts: (before?.attempts ?? 0) + 1,
  }
}

/** A first sign of what is usually over at the next attempt, while there is a good certificate and plenty of time. */
function mayPassUnseen(
  { code, since }: Failure,
  {
    stage,
    validity,
    before,
    at,
  }: {
    readonly stage: Stage
    readonly validity: Validity | undefined
    readonly before: Trouble | undefined
    readonly at: Instant
  },
): boolean {
  const nobodyKnows = before?.urgency === undefined
  return (
    isPassing(code) && nobodyKnows && validity !== undefined && stage === 'far' && at - since < reminderMs
  )
}

function isStageDue(stage: Stage, before: Trouble | undefined, at: Instant): boolean {
  if (isNearer(stage, before?.stage ?? 'far')) return true
  return stage === 'expired' && !isLately(before?.stageToldAt ?? at, at)
}

/** Also where a clock that was ahead has been set right since. */
function isLately(time: Instant, now: Instant): boolean {
  return Math.abs(now - time) < reminderMs
}

function identity({ spec }: RunResult): Pick<NotificationItem, 'certificate' | 'identifiers'> {
  return { certificate: spec.name, identifiers: spec.identifiers.map(({ value }) => value) }
}

function expiry(validity: Validity | undefined): Pick<NotificationItem, 'expires'> {
  return validity === undefined ? {} : { expires: validity.notAfter }
}

function details(
  failure: Failure | undefined,
  { spec, action, retryAt }: RunResult,
  { nextRunAt }: RunReport,
): Pick<NotificationItem, 'cause' | 'advice' | 'nextAttemptAt' | 'command'> {
  const command = `certwright ${failure?.kind === 'deploy-not-effective' ? 'deploy' : 'apply --only'} ${spec.name}`
  if (failure === undefined) {
    // Waiting for something that was not seen here, such as a time that the CA has set to another program.
    const nextAttemptAt = later(retryAt, nextRunAt)
    return {
      command,
      ...(action !== undefined && { cause: printable(action.reason.text) }),
      ...(nextAttemptAt !== undefined && { nextAttemptAt }),
    }
  }
  const { cause, advice, nextAttemptAt } = failure
  return {
    command,
    cause,
    ...(advice !== undefined && { advice }),
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
  }
}

/** The end of a trouble, for those who were told of it. */
function calledOff({ name, urgency }: Trouble, item: Omit<NotificationItem, 'key'>): readonly Finding[] {
  if (urgency === undefined) return []
  return [
    { kind: 'recovered', urgency: 'info', settles: urgency, item: { key: name, certificate: name, ...item } },
  ]
}

function later(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one
}

function higher(one: Urgency | undefined, other: Urgency | undefined): Urgency | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return urgencies.indexOf(other) > urgencies.indexOf(one) ? other : one
}
