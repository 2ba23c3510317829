/** The timeline of a certificate as a picture. Pure. */
import { formatDuration } from '../base/duration.ts'
import { formatInstant, type Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { Sight, Timeline, TimelineEntry } from '../manage/explain/timeline.ts'
import { type EndpointResult, endpointName } from '../manage/observe/endpoint-result.ts'
import type { StoredCertificate } from '../manage/store/stored-certificate.ts'
import { failureLines } from './error-text.ts'
import { styled, whenText } from './text.ts'
import { wrapped } from './wrapped.ts'

/** How the picture is drawn. */
export type PictureStyle = {
  /** Characters beyond ASCII. */
  readonly unicode: boolean
  readonly columns: number
  readonly color: boolean
}

/** As many points of the past as fit on a screen with the rest; `certwright history` has them all. */
const shownPast = 12
/** With less there would be a word on each line. */
const minTextWidth = 40

const marks = {
  unicode: { past: '●', bad: '✗', now: '◆', future: '○', line: '│' },
  ascii: { past: '*', bad: 'x', now: '>', future: 'o', line: '|' },
} as const

type Point = {
  readonly mark: 'past' | 'bad' | 'now' | 'future'
  readonly at: Instant
  readonly lines: readonly string[]
}

/** Past points, what is now, what is to come; the next step below. */
export function explainText(timeline: Timeline, headline: string, style: PictureStyle): string {
  const { now, certificate, past, future } = timeline
  const earlier = past.length - shownPast
  const points: readonly Point[] = [
    ...past.slice(-shownPast).map(pastPoint),
    { mark: 'now', at: now, lines: nowLines(timeline) },
    ...future.map(({ at, text }): Point => ({ mark: 'future', at, lines: [text] })),
  ]
  const head = [
    `${timeline.name}: ${headline}`,
    ...(certificate === undefined ? [] : [`  ${certificateText(certificate, now)}`]),
  ]
  const omitted = earlier > 0 ? [`  ${earlier} earlier: certwright history ${timeline.name}`] : []
  return [...head, '', ...omitted, ...draw(points, now, style), '', nextText(timeline), ''].join('\n')
}

function certificateText(
  { authority, generation, fingerprint, notAfter }: StoredCertificate,
  now: Instant,
): string {
  return `certificate ${shortFingerprint(fingerprint)} from ${authority.id}, generation ${generation}, until ${whenText(notAfter, now)}`
}

function pastPoint({ kind, at, text, hint, count, lastAt }: TimelineEntry): Point {
  const times =
    count === undefined || lastAt === undefined
      ? []
      : [`${count} times, the last one at ${formatInstant(lastAt)}`]
  const bad = kind === 'failed' || kind === 'refused'
  return { mark: bad ? 'bad' : 'past', at, lines: [...failureLines({ message: text, hint }), ...times] }
}

function nowLines({ action, sights, certificate }: Timeline): readonly string[] {
  const state =
    action === undefined
      ? 'it is not configured'
      : `${words[action.kind]}${action.kind === 'none' ? '' : `: ${action.reason.text}`}`
  return [printable(state), ...sights.flatMap(sight => sightLines(sight, certificate))]
}

const words = { none: 'nothing to do', wait: 'waiting', issue: 'to be issued', deploy: 'to be delivered' }

function sightLines(
  { target, generation, at, endpoints, failure }: Sight,
  certificate: StoredCertificate | undefined,
): readonly string[] {
  const delivered =
    generation === undefined || at === undefined
      ? 'nothing was delivered yet'
      : `${generation === certificate?.generation ? 'this generation' : `generation ${generation}`} was delivered at ${formatInstant(at)}`
  return [
    `${target}: ${delivered}`,
    ...endpoints.map(
      seen => `  ${endpointName(seen.endpoint)} ${servedText(seen, certificate?.fingerprint)}`,
    ),
    ...(failure === undefined ? [] : failureLines(failure).map(line => `  ${line}`)),
  ]
}

function servedText({ fingerprint, failure, notAfter }: EndpointResult, own: string | undefined): string {
  if (fingerprint === undefined) return `shows nothing: ${printable(failure ?? '')}`
  if (fingerprint === own) return 'serves this certificate'
  return `serves another certificate: ${shortFingerprint(fingerprint)}, until ${notAfter ?? ''}`
}

function nextText({ next, now, action }: Timeline): string {
  const by = action === undefined ? '' : ', by certwright apply or certwright run'
  return `next: ${next.text}${next.at === undefined ? '' : ` at ${whenText(next.at, now)}`}${by}`
}

function draw(
  points: readonly Point[],
  now: Instant,
  { unicode, columns, color }: PictureStyle,
): readonly string[] {
  const set = unicode ? marks.unicode : marks.ascii
  const spans = points.map(({ mark, at }) => (mark === 'now' ? 'now' : relative(at, now)))
  const spanWidth = Math.max(...spans.map(span => span.length))
  return points.flatMap(({ mark, at, lines }, index) => {
    const when = `${formatInstant(at)}  ${(spans[index] ?? '').padStart(spanWidth)}  `
    const text = lines.flatMap(line => wrapped(line, Math.max(minTextWidth, columns - when.length - 5)))
    const isLast = index === points.length - 1
    return text.map((line, number) =>
      number === 0
        ? `  ${styled(color, colorOf[mark], set[mark])}  ${when}${line}`
        : `  ${isLast ? ' ' : set.line}  ${' '.repeat(when.length)}${line}`,
    )
  })
}

const colorOf = { past: 'green', bad: 'red', now: 'bold', future: 'yellow' } as const

function relative(at: Instant, now: Instant): string {
  return at >= now ? `in ${formatDuration(at - now)}` : `${formatDuration(at - now)} ago`
}

/** Enough of a fingerprint to tell certificates apart. */
function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 12)
}
