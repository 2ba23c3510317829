/** From what is wanted and what is to what must be done. Pure. */
import { sameIdentifiers } from '../../acme/identifier.ts'
import { formatInstant, type Instant, instant } from '../../base/instant.ts'
import { clockToleranceMs } from '../clock.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import { intentOf, sameIntent } from '../run-intent.ts'
import { type CertificateSpec, targetHash, targetName } from '../spec.ts'
import type { FailedAttempts } from '../store/attempts.ts'
import { hasPrivateKey, type StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, Reason, ReasonCode, Wanted } from './action.ts'
import { adviceDueAt } from './advice.ts'
import { basisOf } from './basis.ts'
import { expectedRenewal, safetyMargin } from './renewal-time.ts'
import { nextInWindow } from './windows.ts'

export type PlanOptions = {
  readonly now: Instant
  /** Issue even when nothing asks for it, and do not wait for a time the CA has set. */
  readonly force?: boolean
  /** A person asked for this certificate by name: our own pauses after failures are not kept, the CA's are. */
  readonly eager?: boolean
  /** In which maintenance windows are meant; the machine's own when absent. */
  readonly timeZone?: string | undefined
}

/** The next step for one certificate. */
export function planCertificate(spec: CertificateSpec, view: CertificateView, options: PlanOptions): Action {
  const { now, force = false } = options
  const current = newest(view)
  const issuance = issuanceWanted(spec, view, now) ?? (force ? forced : undefined)
  // Nobody trusts what servers may show until then. Only a certificate that is about to end is renewed before.
  if (view.rehearsal === true && current !== undefined && !force) {
    const ending = issuance !== undefined && safetyMargin(current) <= now
    const paused = mustWait(spec, view, rehearsalLeft, view.attempts.delivery, options)
    const { canWait: _, ...reason } = rehearsalLeft
    if (!ending) return paused ?? { kind: 'deploy', spec, certificate: current, reason }
  }
  if (issuance !== undefined) {
    const { canWait: _, ...reason } = issuance
    const paused = force ? undefined : mustWait(spec, view, issuance, view.attempts.issuance, options)
    return paused ?? { kind: 'issue', spec, reason, ...(current !== undefined && { replaces: current }) }
  }
  if (current === undefined)
    throw new TypeError('a certificate that is missing always has a reason to be issued')
  const delivery = deliveryWanted(spec, view, current, now)
  if (delivery !== undefined) {
    const { canWait: _, ...reason } = delivery
    const paused = mustWait(spec, view, delivery, view.attempts.delivery, options)
    return paused ?? { kind: 'deploy', spec, certificate: current, reason }
  }
  const { at: renewAt } = expectedRenewal(current, view.renewal, spec.renew.at)
  const wakeAt = instant(Math.min(renewAt, adviceDueAt(current, view.renewal, now) ?? renewAt))
  const text = `renewal at ${formatInstant(renewAt)}`
  return { kind: 'none', spec, certificate: current, renewAt, wakeAt, reason: { code: 'up-to-date', text } }
}

/** When the plan must be looked at again; `undefined` where there is nothing to come. */
export function nextWakeAt(actions: readonly Action[], now: Instant): Instant | undefined {
  const times = actions.map(action =>
    action.kind === 'none' ? action.wakeAt : action.kind === 'wait' ? action.until : now,
  )
  return times.length === 0 ? undefined : instant(Math.min(...times))
}

const rehearsalLeft: Wanted = {
  code: 'rehearsal-left',
  text: 'a rehearsal has not put it back: servers may show a test certificate',
  canWait: false,
}

const forced: Wanted = { code: 'forced', text: 'asked for with --force', canWait: false }

function wanted(code: ReasonCode, text: string, { canWait = false } = {}): Wanted {
  return { code, text, canWait }
}

// The first finding wins.
function issuanceWanted(spec: CertificateSpec, view: CertificateView, now: Instant): Wanted | undefined {
  const current = newest(view)
  if (current === undefined) {
    const text =
      view.damaged.length > 0 ? 'no undamaged certificate is stored' : 'there is no certificate yet'
    return wanted('no-certificate', text)
  }
  if (!sameIdentifiers(spec.identifiers, current.identifiers))
    return wanted('identifiers-differ', describeDifference(spec, current))
  if (spec.keyType !== current.keyType)
    return wanted('key-type-differs', `the key is ${current.keyType}, wanted is ${spec.keyType}`)
  const differentKey = describeDifferentKey(spec, current)
  if (differentKey !== undefined) return wanted('key-differs', differentKey)
  const authorities = [spec.authority, ...spec.fallbacks].map(({ id }) => id)
  if (!authorities.includes(current.authority.id))
    return wanted(
      'authority-differs',
      `it is from ${current.authority.id}, wanted is ${authorities.join(' or ')}`,
    )
  if (current.revokedAt !== undefined)
    return wanted('revoked', `it was revoked at ${formatInstant(current.revokedAt)}`)
  if (current.notAfter <= now) return wanted('expired', `it expired at ${formatInstant(current.notAfter)}`)
  const renewal = renewalWanted(spec, view, current, now)
  if (renewal !== undefined) return renewal
  // Its order may have led to a certificate at the CA already.
  const run = ownRun(spec, view)
  if (run !== undefined)
    return wanted('unfinished-run', `a run begun at ${formatInstant(run.openedAt)} is not finished`)
  return undefined
}

/** A key that was made elsewhere is in the CSR; one of our own is beside the certificate. */
function describeDifferentKey({ csr }: CertificateSpec, current: StoredCertificate): string | undefined {
  if (csr === undefined)
    return hasPrivateKey(current) ? undefined : 'its key is elsewhere, and csr is not set'
  return csr.publicKeyHash === current.publicKeyHash ? undefined : 'the CSR has another key'
}

function renewalWanted(
  spec: CertificateSpec,
  { renewal }: CertificateView,
  current: StoredCertificate,
  now: Instant,
): Wanted | undefined {
  const { at, source } = expectedRenewal(current, renewal, spec.renew.at)
  if (at > now) return undefined
  if (safetyMargin(current) <= now)
    return wanted('safety-margin', `it ends at ${formatInstant(current.notAfter)}, which nothing may delay`)
  const since = `due since ${formatInstant(at)}`
  if (source !== 'renewal-info') return wanted('renewal-due', since, { canWait: true })
  const why = renewal?.advice?.explanationUrl
  const text = `${since}, as the CA advises${why === undefined ? '' : `: ${why}`}`
  return wanted('renewal-advised', text, { canWait: true })
}

function deliveryWanted(
  spec: CertificateSpec,
  view: CertificateView,
  current: StoredCertificate,
  now: Instant,
): Wanted | undefined {
  const canWait = view.live !== undefined && safetyMargin(view.live) > now // servers have one to go on with
  if (view.live?.generation !== current.generation) {
    const text = `generation ${current.generation} is stored, but not the one that servers read`
    return wanted('not-live', text, { canWait })
  }
  for (const target of spec.deploy) {
    const last = view.deployments.find(deployment => deployment.target === targetName(target))
    if (last === undefined || last.generation !== current.generation)
      return wanted('never-deployed', `it was not yet delivered to ${targetName(target)}`)
    if (last.failure !== undefined)
      return wanted('deployment-failed', `the last delivery to ${targetName(target)} failed`)
    if (last.copiedBy !== undefined && last.copiedBy !== targetHash(target))
      return wanted('deployed-copy-differs', `the configuration of ${targetName(target)} was changed`)
  }
  const copy = view.changedCopies?.[0]
  if (copy !== undefined) return wanted('deployed-copy-differs', `${copy.path} ${copy.text}`)
  const other = view.endpoints?.find(
    ({ fingerprint }) => fingerprint !== undefined && fingerprint !== current.fingerprint,
  )
  if (other !== undefined)
    return wanted('endpoint-differs', `${endpointName(other.endpoint)} serves another certificate`)
  // It answered when it was delivered. Why it does not now, the server's configuration tells.
  const silent = view.endpoints?.find(({ failure }) => failure !== undefined)
  if (silent !== undefined)
    return wanted('endpoint-silent', `${endpointName(silent.endpoint)}: ${silent.failure ?? 'no answer'}`)
  const { hooks } = view
  if (hooks?.generation === current.generation && hooks.done < (spec.hooks?.after.length ?? 0))
    return wanted('hook-outstanding', 'it was delivered, and not all hooks after that have been run')
  return undefined
}

/** A run after something else, such as names that were taken back, says nothing about this certificate. */
function ownRun(spec: CertificateSpec, { run }: CertificateView): CertificateView['run'] {
  const isOurs = (intent: NonNullable<typeof run>['intent']) =>
    [spec.authority, ...spec.fallbacks].some(authority =>
      sameIntent(intent, intentOf({ ...spec, authority })),
    )
  return run !== undefined && isOurs(run.intent) ? run : undefined
}

function mustWait(
  spec: CertificateSpec,
  view: CertificateView,
  { canWait }: Wanted,
  failed: FailedAttempts | undefined,
  { now, eager = false, timeZone }: PlanOptions,
): Action | undefined {
  const wait = (until: Instant, code: ReasonCode, text: string): Action => ({
    ...{ kind: 'wait', spec, until },
    reason: { code, text } satisfies Reason,
  })
  const { retryAt, authorityRetryAt, count } = isTelling(failed, spec, now)
    ? failed
    : { retryAt: now, count: 0 }
  if (authorityRetryAt !== undefined && authorityRetryAt > now && (eager || authorityRetryAt === retryAt))
    return wait(
      authorityRetryAt,
      'retry-later',
      `the CA asked to come back at ${formatInstant(authorityRetryAt)}`,
    )
  if (retryAt > now && !eager) {
    const times = count === 1 ? 'once' : `${count} times`
    return wait(
      retryAt,
      'retry-later',
      `it failed ${times}, and is tried again at ${formatInstant(retryAt)}; at once with --only ${spec.name}`,
    )
  }
  // What servers have is what may end while it waits.
  const used = view.live ?? newest(view)
  const urgent = used === undefined || safetyMargin(used) <= now
  if (!canWait || urgent || eager) return undefined
  const opensAt = nextInWindow(spec.renew.windows, now, timeZone)
  if (opensAt <= now) return undefined
  // The certificate must not come to its margin while it waits.
  const until = instant(Math.min(opensAt, safetyMargin(used)))
  return wait(until, 'outside-window', `the next maintenance window opens at ${formatInstant(opensAt)}`)
}

/** Failures say when to try again while the same is wanted, and unless a clock that was ahead said when they happened. */
function isTelling(
  failed: FailedAttempts | undefined,
  spec: CertificateSpec,
  now: Instant,
): failed is FailedAttempts {
  return failed?.basis === basisOf(spec) && failed.last.at - now <= clockToleranceMs
}

function describeDifference(spec: CertificateSpec, current: StoredCertificate): string {
  const names = new Set(spec.identifiers.map(({ value }) => value))
  const had = new Set(current.identifiers.map(({ value }) => value))
  const added = [...names].filter(value => !had.has(value)).map(value => `+${value}`)
  const gone = [...had].filter(value => !names.has(value)).map(value => `-${value}`)
  return `the identifiers changed: ${[...added, ...gone].join(' ')}`
}
