/** From what was seen at monitored endpoints, and what was told before, to what is told now. Pure. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import { type NotificationItem, type Urgency, urgencies } from '../../contracts/notifier.ts'
import type { EndpointRecord, LookRecord } from '../monitor/endpoint-records.ts'
import { type LookProblem, lookProblems } from '../observe/judge-look.ts'
import type { Finding } from './gather.ts'

/** An endpoint that people were told of. */
export type EndpointTrouble = {
  readonly endpoint: string
  readonly since: Instant
  /** What was told. */
  readonly kinds: readonly LookProblem[]
  readonly urgency: Urgency
}

/** An endpoint trouble as JSON. */
export function endpointTroubleJson({ since, ...rest }: EndpointTrouble): Readonly<Record<string, unknown>> {
  return { ...rest, since: formatInstant(since) }
}

/** Schema of what {@link endpointTroubleJson} makes. @internal */
export const endpointTroubleSchema: v.GenericSchema<unknown, EndpointTrouble> = v.object({
  endpoint: v.string(),
  since: instantSchema,
  kinds: v.array(v.picklist(lookProblems)),
  urgency: v.picklist(urgencies),
})

export type EndpointDecision = {
  readonly findings: readonly Finding[]
  readonly troubles: readonly EndpointTrouble[]
}

/**
 * A trouble is told when it begins, and when something else is wrong too; its end is told to those who were told of it.
 * @param records - of all monitored endpoints
 * @param options.nextLookAt - where that is known
 */
export function decideEndpoints(
  records: readonly EndpointRecord[],
  before: readonly EndpointTrouble[],
  { nextLookAt }: { readonly nextLookAt?: Instant | undefined } = {},
): EndpointDecision {
  const known = new Map(before.map(trouble => [trouble.endpoint, trouble]))
  const findings: Finding[] = []
  const troubles: EndpointTrouble[] = []
  for (const record of records) {
    const told = known.get(record.endpoint)
    known.delete(record.endpoint)
    const { kinds, looks } = wrongIn(record)
    if (kinds.length === 0) {
      if (told !== undefined)
        findings.push(calledOff(told, `in order again, after trouble since ${formatInstant(told.since)}`))
      continue
    }
    const isNew = kinds.some(kind => !told?.kinds.includes(kind))
    const urgency = urgencyOf(kinds)
    if (isNew)
      findings.push({
        kind: 'endpoint',
        urgency,
        item: itemOf(record.endpoint, { kinds, looks, nextLookAt }),
      })
    const since = told?.since ?? record.at
    troubles.push({
      endpoint: record.endpoint,
      since,
      urgency: isNew ? urgency : (told?.urgency ?? urgency),
      kinds,
    })
  }
  for (const gone of known.values()) findings.push(calledOff(gone, 'no longer configured'))
  return { findings, troubles }
}

function wrongIn({ looks }: EndpointRecord): {
  readonly kinds: readonly LookProblem[]
  readonly looks: readonly LookRecord[]
} {
  const wrong = looks
    .map(look => ({ ...look, findings: look.findings.filter(({ level }) => level === 'wrong') }))
    .filter(look => look.findings.length > 0)
  const found = new Set(wrong.flatMap(({ findings }) => findings.map(({ kind }) => kind)))
  return { kinds: lookProblems.filter(kind => found.has(kind)), looks: wrong }
}

/** Clients are turned away already. */
const critical: readonly LookProblem[] = ['expired', 'not-yet-valid', 'other-name']

function urgencyOf(kinds: readonly LookProblem[]): Urgency {
  return kinds.some(kind => critical.includes(kind)) ? 'critical' : 'warning'
}

const words: Readonly<Record<LookProblem, string>> = {
  down: 'it does not answer',
  'other-certificate': 'it does not show the certificate that it should',
  expired: 'its certificate has ended',
  'not-yet-valid': 'its certificate has not begun yet',
  'other-name': 'its certificate is for another name',
  chain: 'its chain is not whole',
  'ends-soon': 'its certificate ends soon',
}

/** Addresses that are shown with what is wrong there. */
const maxCauses = 10

function itemOf(
  endpoint: string,
  { kinds, looks, nextLookAt }: ReturnType<typeof wrongIn> & { readonly nextLookAt: Instant | undefined },
): NotificationItem {
  const causes = looks.flatMap(({ where, findings }) => findings.map(({ text }) => `${where}: ${text}`))
  const more = causes.length - maxCauses
  const advice = [...new Set(looks.flatMap(({ findings }) => findings.flatMap(({ hint }) => hint ?? [])))]
  const expires = earliest(looks.flatMap(({ notAfter }) => notAfter ?? []))
  return {
    key: keyOf(endpoint),
    endpoint,
    text: kinds.map(kind => words[kind]).join(', and '),
    cause: [...causes.slice(0, maxCauses), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n'),
    ...(advice.length > 0 && { advice: advice.join('\n') }),
    command: 'certwright verify',
    ...(nextLookAt !== undefined && { nextAttemptAt: nextLookAt }),
    ...(expires !== undefined && { expires }),
  }
}

function earliest(times: readonly Instant[]): Instant | undefined {
  return times.toSorted((one, other) => one - other)[0]
}

function calledOff({ endpoint, urgency }: EndpointTrouble, text: string): Finding {
  return {
    kind: 'recovered',
    urgency: 'info',
    settles: urgency,
    item: { key: keyOf(endpoint), endpoint, text },
  }
}

/** No entry has a colon in its name. */
function keyOf(endpoint: string): string {
  return `endpoint: ${endpoint}`
}
