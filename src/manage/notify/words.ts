/** The words of notifications. Pure. */
import { formatDuration } from '../../base/duration.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import type { NotificationKind } from '../../contracts/notifier.ts'
import type { Stage, Validity } from './stage.ts'
import type { Failure } from './trouble.ts'

/** What failed, and how often. */
export function failureText({ kind, attempts, since }: Failure, validity: Validity | undefined): string {
  const what = {
    failed: validity === undefined ? 'no certificate could be obtained' : 'it could not be renewed',
    'deploy-not-effective': 'there is a new certificate, but it is not in use',
    'action-needed': 'trying again will not help, something has to be changed',
  }[kind]
  return attempts === 1 ? what : `${what} (${ordinal(attempts)} attempt since ${formatInstant(since)})`
}

/** How much time is left. */
export function expiryText(stage: Stage, { notAfter }: Validity, now: Instant): string {
  const span = formatDuration(notAfter - now)
  return stage === 'expired'
    ? `its certificate expired ${span} ago`
    : `its certificate expires in ${span} and is not renewed yet`
}

/** What is over. */
export function recoveryText(failure: Failure | undefined, validity: Validity | undefined): string {
  const after =
    failure === undefined
      ? ''
      : ` after ${failure.attempts} failed attempt${failure.attempts === 1 ? '' : 's'} since ${formatInstant(failure.since)}`
  return `in order again${after}${goodUntil(validity)}`
}

/** What was done. */
export function renewalText(
  outcome: 'issued' | 'deployed',
  targets: readonly string[],
  validity: Validity | undefined,
): string {
  const where = targets.join(', ')
  if (outcome === 'deployed') return `delivered${where === '' ? '' : ` to ${where}`}${goodUntil(validity)}`
  return `a new certificate${where === '' ? '' : `, in use by ${where}`}${goodUntil(validity)}`
}

/** One line for everything of one kind. */
export function subjectText(
  kind: Exclude<NotificationKind, 'test'>,
  names: readonly string[],
  {
    host,
    expired,
    noun = 'certificates',
  }: { readonly host: string; readonly expired: boolean; readonly noun?: 'certificates' | 'endpoints' },
): string {
  const [name = ''] = names
  const one = names.length === 1
  const who = one ? name : `${names.length} ${noun}`
  const what = {
    renewed: one ? 'was renewed' : 'were renewed',
    failed: 'got no new certificate',
    'deploy-not-effective': one ? 'has a new certificate that is not in use' : 'are new and not in use',
    'expiry-near': expired ? `${one ? 'has' : 'have'} expired` : `${one ? 'expires' : 'expire'} soon`,
    endpoint: `${one ? 'is' : 'are'} not as ${one ? 'it' : 'they'} should be`,
    recovered: `${one ? 'is' : 'are'} in order again`,
    'action-needed': `${one ? 'needs' : 'need'} somebody to act`,
  }[kind]
  return `certwright on ${host}: ${who} ${what}`
}

/** `1st`, `2nd`, `13th`, `21st`. */
export function ordinal(count: number): string {
  const teen = count % 100 >= 11 && count % 100 <= 13
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')
  return `${count}${suffix}`
}

function goodUntil(validity: Validity | undefined): string {
  return validity === undefined ? '' : `, good until ${formatInstant(validity.notAfter)}`
}
