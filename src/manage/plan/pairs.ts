/** The two certificates of a pair are renewed together, and none is delivered before both are there. Pure. */
import { formatInstant, type Instant } from '../../base/instant.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import type { Action, ReasonCode } from './action.ts'

/** Reasons that concern the other one as well: whoever renews one, renews both. */
const contagious: readonly ReasonCode[] = [
  'renewal-due',
  'renewal-advised',
  'safety-margin',
  'expired',
  'forced',
]
/** A certificate that has lived no more than this share of its life is not renewed for company. */
const justIssuedShare = 0.1

/** An action, and the newest certificate of its spec. */
export type Planned = { readonly action: Action; readonly current: StoredCertificate | undefined }

/** The actions, with those of pairs brought together. */
export function planPairs(planned: readonly Planned[], now: Instant): readonly Action[] {
  const byName = new Map(planned.map(one => [one.action.spec.name, one]))
  return planned.map(one => {
    const { pair } = one.action.spec
    const other = pair === undefined ? undefined : byName.get(pair)
    return other === undefined ? one.action : planBeside(one, other, now)
  })
}

function planBeside({ action, current }: Planned, other: Planned, now: Instant): Action {
  const { spec } = action
  const { name } = other.action.spec
  if (current === undefined || (action.kind !== 'none' && action.kind !== 'deploy')) return action
  if (other.action.kind === 'issue' && contagious.includes(other.action.reason.code)) {
    const lifetimeMs = current.notAfter - current.notBefore
    if (now - current.notBefore <= lifetimeMs * justIssuedShare) return action
    const text = `renewed together with ${name}`
    return { kind: 'issue', spec, replaces: current, reason: { code: 'pair-due', text } }
  }
  if (action.kind === 'deploy' && other.current === undefined && other.action.kind === 'wait') {
    const { until } = other.action
    const text = `delivered together with ${name}, which is tried again at ${formatInstant(until)}`
    return { kind: 'wait', spec, until, reason: { code: 'pair-incomplete', text } }
  }
  return action
}
