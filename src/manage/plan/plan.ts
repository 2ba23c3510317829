/** From what is wanted and what is to what must be done. Pure. */
import { sameIdentifiers } from '../../acme/identifier.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import { intentOf, sameIntent } from '../run-intent.ts'
import { type CertificateSpec, targetName } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, Reason } from './action.ts'
import { renewalTime } from './renewal-time.ts'

export type PlanOptions = {
  readonly now: Instant
  /** Issue even when nothing asks for it, and do not wait for a time the CA has set. */
  readonly force?: boolean
}

/** The next step for one certificate. */
export function planCertificate(
  spec: CertificateSpec,
  view: CertificateView,
  { now, force = false }: PlanOptions,
): Action {
  const current = newest(view)
  // A run after something else, such as names that were taken back, says nothing about this certificate.
  const run = view.run !== undefined && sameIntent(view.run.intent, intentOf(spec)) ? view.run : undefined
  const reason = issuanceReason(spec, { ...view, current, run }, now) ?? (force ? forced : undefined)
  if (reason !== undefined) {
    const retryAt = run?.failure?.retryAt
    if (retryAt !== undefined && retryAt > now && !force) {
      const text = `the CA asked to come back at ${formatInstant(retryAt)}`
      return { kind: 'wait', spec, until: retryAt, reason: { code: 'retry-later', text } }
    }
    return { kind: 'issue', spec, reason, ...(current !== undefined && { replaces: current }) }
  }
  if (current === undefined)
    throw new TypeError('a certificate that is missing always has a reason to be issued')
  const delivery = deliveryReason(spec, view, current)
  if (delivery !== undefined) return { kind: 'deploy', spec, certificate: current, reason: delivery }
  const renewAt = renewalTime(current)
  const text = `renewal at ${formatInstant(renewAt)}`
  return { kind: 'none', spec, certificate: current, renewAt, reason: { code: 'up-to-date', text } }
}

const forced: Reason = { code: 'forced', text: 'asked for with --force' }

type Findings = Pick<CertificateView, 'damaged'> & {
  readonly current: StoredCertificate | undefined
  readonly run: CertificateView['run']
}

// The first finding wins.
function issuanceReason(
  spec: CertificateSpec,
  { damaged, current, run }: Findings,
  now: Instant,
): Reason | undefined {
  if (current === undefined) {
    const text = damaged.length > 0 ? 'no undamaged certificate is stored' : 'there is no certificate yet'
    return { code: 'no-certificate', text }
  }
  if (!sameIdentifiers(spec.identifiers, current.identifiers)) {
    return { code: 'identifiers-differ', text: describeDifference(spec, current) }
  }
  if (spec.keyType !== current.keyType) {
    return { code: 'key-type-differs', text: `the key is ${current.keyType}, wanted is ${spec.keyType}` }
  }
  if (spec.authority.id !== current.authority.id) {
    return {
      code: 'authority-differs',
      text: `it is from ${current.authority.id}, wanted is ${spec.authority.id}`,
    }
  }
  if (current.revokedAt !== undefined)
    return { code: 'revoked', text: `it was revoked at ${formatInstant(current.revokedAt)}` }
  if (current.notAfter <= now)
    return { code: 'expired', text: `it expired at ${formatInstant(current.notAfter)}` }
  const renewAt = renewalTime(current)
  if (renewAt <= now) return { code: 'renewal-due', text: `due since ${formatInstant(renewAt)}` }
  // Its order may have led to a certificate at the CA already.
  if (run !== undefined)
    return { code: 'unfinished-run', text: `a run begun at ${formatInstant(run.openedAt)} is not finished` }
  return undefined
}

function deliveryReason(
  spec: CertificateSpec,
  view: CertificateView,
  current: StoredCertificate,
): Reason | undefined {
  if (view.live?.generation !== current.generation) {
    return {
      code: 'not-live',
      text: `generation ${current.generation} is stored, but not the one that servers read`,
    }
  }
  for (const target of spec.deploy) {
    const last = view.deployments.find(deployment => deployment.target === targetName(target))
    if (last === undefined || last.generation !== current.generation) {
      return { code: 'never-deployed', text: `it was not yet delivered to ${targetName(target)}` }
    }
    if (last.failure !== undefined)
      return { code: 'deployment-failed', text: `the last delivery to ${targetName(target)} failed` }
  }
  return undefined
}

function describeDifference(spec: CertificateSpec, current: StoredCertificate): string {
  const wanted = new Set(spec.identifiers.map(({ value }) => value))
  const had = new Set(current.identifiers.map(({ value }) => value))
  const added = [...wanted].filter(value => !had.has(value)).map(value => `+${value}`)
  const gone = [...had].filter(value => !wanted.has(value)).map(value => `-${value}`)
  return `the identifiers changed: ${[...added, ...gone].join(' ')}`
}
