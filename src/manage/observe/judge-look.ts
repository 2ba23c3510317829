/** What a look at an endpoint means. Pure. */
import { formatDuration } from '../../base/duration.ts'
import { dayMs, formatInstant, type Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { SentChainState } from '../../x509/sent-chain.ts'
import type { EndpointLook, Sight } from './endpoint-look.ts'

/** What can be wrong at an endpoint, the worst first. */
export const lookProblems = [
  /** Nothing was seen. */
  'down',
  /** It is not the certificate that is stored. */
  'other-certificate',
  'expired',
  'not-yet-valid',
  /** It is not good for the name that was asked for. */
  'other-name',
  /** A client that trusts the CA may refuse it all the same: see `SentChain`. */
  'chain',
  'ends-soon',
] as const
export type LookProblem = (typeof lookProblems)[number]

/** One thing that a person should know of an endpoint. */
export type LookFinding = {
  readonly kind: LookProblem
  /** A note is not wrong, or another part of the program minds it. */
  readonly level: 'wrong' | 'note'
  /** To follow the name of the endpoint and a colon; safe to show. */
  readonly text: string
  readonly hint?: string
}

export type JudgeOptions = {
  readonly now: Instant
  /** What should be served, where that is known. */
  readonly wanted?: { readonly name: string; readonly fingerprint: string }
  /** How long before its end a certificate should have been replaced; see {@link defaultWarnBeforeMs} when absent. */
  readonly warnBeforeMs?: number
  /** These are notes; nothing when absent. */
  readonly lenient?: readonly LookProblem[]
}

const longestWarningMs = 21 * dayMs

/** 21 days, or a quarter of a short life: renewals begin at a third. */
export function defaultWarnBeforeMs({ notBefore, notAfter }: Pick<Sight, 'notBefore' | 'notAfter'>): number {
  return Math.min(longestWarningMs, (notAfter - notBefore) / 4)
}

/** Everything that there is to say about a look, the worst first; nothing when all is well. */
export function judgeLook(look: EndpointLook, options: JudgeOptions): readonly LookFinding[] {
  const { lenient = [] } = options
  const findings =
    'error' in look
      ? [downFinding(look)]
      : [...certificateFindings(look.seen, options), ...chainFindings(look.seen)]
  return findings
    .map(one => (lenient.includes(one.kind) ? { ...one, level: 'note' as const } : one))
    .toSorted((one, other) => rank(one) - rank(other))
}

/** Whether nothing is wrong. */
export function isGoodLook(findings: readonly LookFinding[]): boolean {
  return findings.every(({ level }) => level === 'note')
}

/** `ok`, or what is wrong in one word; `-` where nothing can be said from here. */
export function wordFor(findings: readonly LookFinding[]): 'ok' | '-' | 'SOON' | 'DOWN' | 'WRONG' {
  const [worst] = findings.filter(({ level }) => level === 'wrong')
  if (worst === undefined) return findings.some(({ kind }) => kind === 'down') ? '-' : 'ok'
  if (worst.kind === 'down') return 'DOWN'
  return worst.kind === 'ends-soon' ? 'SOON' : 'WRONG'
}

function rank({ kind, level }: LookFinding): number {
  return lookProblems.indexOf(kind) + (level === 'note' ? lookProblems.length : 0)
}

function downFinding({ error, noRoute }: Extract<EndpointLook, { error: unknown }>): LookFinding {
  const one = finding('down', printable(error.message), error.hint)
  return noRoute === true ? { ...one, level: 'note' } : one
}

function certificateFindings(
  seen: Sight,
  { now, wanted, warnBeforeMs = defaultWarnBeforeMs(seen) }: JudgeOptions,
): readonly LookFinding[] {
  const { fingerprint, notBefore, notAfter, notFor, names } = seen
  const found: LookFinding[] = []
  if (wanted !== undefined && fingerprint !== wanted.fingerprint) {
    found.push(
      finding(
        'other-certificate',
        `it shows certificate ${shortFingerprint(fingerprint)}, and ${wanted.name} is ${shortFingerprint(wanted.fingerprint)}`,
        `certwright deploy ${wanted.name} delivers it again`,
      ),
    )
  }
  const left = notAfter - now
  const end = `${formatInstant(notAfter)} (${left > 0 ? `in ${formatDuration(left)}` : `${formatDuration(-left)} ago`})`
  if (left <= 0) found.push(finding('expired', `its certificate ended ${end}`, 'it has to be replaced now'))
  else if (left < warnBeforeMs)
    found.push(finding('ends-soon', `its certificate ends ${end}`, 'see why it is not renewed'))
  if (now < notBefore) {
    const text = `its certificate begins only ${formatInstant(notBefore)}`
    found.push(finding('not-yet-valid', text, 'see that the clocks are right'))
  }
  if (notFor !== undefined) {
    const text = `its certificate is not for ${printable(notFor)}, but for ${namesText(names)}`
    found.push(
      finding('other-name', text, 'see that the name is spelled right and that it leads to this server'),
    )
  }
  return found
}

const chainHints: Readonly<Record<SentChainState, string>> = {
  complete: 'clients get along with it',
  incomplete:
    'have the server send fullchain.pem, not only cert.pem; roots of a CA of your own are given by roots: (or --roots FILE)',
  untrusted: 'roots of a CA of your own are given by roots: (or --roots FILE)',
  broken: 'have the server send the chain that the CA gave with the certificate',
}

function chainFindings({ chain: { state, remarks } }: Sight): readonly LookFinding[] {
  if (remarks.length === 0) return []
  const one = finding('chain', remarks.join('; '), chainHints[state])
  return [state === 'complete' ? { ...one, level: 'note' } : one]
}

function finding(kind: LookProblem, text: string, hint: string | undefined): LookFinding {
  return { kind, level: 'wrong', text, ...(hint !== undefined && { hint }) }
}

const maxNames = 3

function namesText(names: readonly string[]): string {
  if (names.length === 0) return 'no name'
  const more = names.length - maxNames
  const shown = names.slice(0, maxNames).map(name => printable(name))
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

/** Enough of a fingerprint to tell certificates apart. */
export function shortFingerprint(fingerprint: string | undefined): string {
  return fingerprint?.slice(0, 12) ?? 'unknown'
}
