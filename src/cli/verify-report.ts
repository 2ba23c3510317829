/** What `certwright verify` found, for people and for programs. Pure. */
import type { AppError } from '../base/errors.ts'
import { formatInstant, type Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { JudgedLook } from '../manage/monitor/check-endpoint.ts'
import { endpointName } from '../manage/observe/endpoint-result.ts'
import { isGoodLook, shortFingerprint, wordFor } from '../manage/observe/judge-look.ts'
import type { CertificateSpec, MonitoredEndpoint } from '../manage/spec.ts'
import { errorJson, failureLines, inOneLine } from './error-text.ts'
import { formatTable } from './table.ts'
import { styled, whenText } from './text.ts'

/** One certificate of the configuration, and what its endpoints show. */
export type VerifiedCertificate = {
  readonly spec: Pick<CertificateSpec, 'name'>
  readonly fingerprint: string | undefined
  readonly looks: readonly JudgedLook[]
  readonly notes: readonly string[]
  readonly errors: readonly { readonly target: string; readonly error: AppError }[]
}

/** One endpoint that was asked for by itself. */
export type VerifiedEndpoint = {
  readonly monitored: MonitoredEndpoint
  readonly looks: readonly JudgedLook[]
}

export type Verified = {
  readonly certificates: readonly VerifiedCertificate[]
  readonly endpoints: readonly VerifiedEndpoint[]
}

/** Whether nothing is wrong anywhere. */
export function isVerified({ certificates, endpoints }: Verified): boolean {
  return (
    certificates.every(({ errors }) => errors.length === 0) &&
    [...certificates, ...endpoints].every(({ looks }) => looks.every(({ findings }) => isGoodLook(findings)))
  )
}

type Style = { readonly now: Instant; readonly color: boolean }

/** A table of what is served where; below it what is wrong, what to do, and what to know. */
export function verifyText({ certificates, endpoints }: Verified, style: Style): string {
  const rows = [
    ...certificates.flatMap(({ spec, looks }) => looks.map(look => [spec.name, ...cellsOf(look, style)])),
    ...endpoints.flatMap(({ monitored, looks }) =>
      looks.map(look => [look.stored ?? monitored.certificate ?? '-', ...cellsOf(look, style)]),
    ),
  ]
  const table = rows.length === 0 ? '' : formatTable([['NAME', 'ENDPOINT', 'RESULT', 'SERVES'], ...rows])
  const remarks = [
    ...[...certificates, ...endpoints].flatMap(({ looks }) => looks.flatMap(lookRemarks)),
    ...certificates.flatMap(({ spec, errors, notes }) => [
      ...errors.map(({ target, error }) => `${spec.name}: ${target}: ${failureLines(error).join('\n  ')}`),
      ...notes.map(note => `${spec.name}: note: ${printable(note)}`),
    ]),
  ]
  return [table, ...remarks.map(remark => `${remark}\n`)].join('')
}

/** One word, and what is seen. */
function cellsOf({ look, findings }: JudgedLook, { now, color }: Style): readonly string[] {
  const word = wordFor(findings)
  const format = word === 'ok' ? 'green' : word === 'SOON' || word === '-' ? 'yellow' : 'red'
  const seen =
    'error' in look
      ? ''
      : [
          look.seen.subject,
          look.seen.key,
          `until ${whenText(look.seen.notAfter, now)}`,
          look.seen.protocol,
          `${look.seen.chain.length} certificate${look.seen.chain.length === 1 ? '' : 's'}, ${look.seen.chain.state}`,
        ].join(', ')
  return [endpointName(look.endpoint), styled(color, format, word), seen]
}

function lookRemarks({ look, findings }: JudgedLook): readonly string[] {
  const where = endpointName(look.endpoint)
  return findings.map(({ level, text, hint }) =>
    level === 'note'
      ? `${where}: note: ${text}`
      : `${where}: ${failureLines({ message: text, hint }).join('\n  ')}`,
  )
}

/** The document of `--json`. */
export function verifyJson(verified: Verified): Record<string, unknown> {
  const { certificates, endpoints } = verified
  return {
    ok: isVerified(verified),
    certificates: certificates.map(({ spec, fingerprint, looks, notes, errors }) => ({
      name: spec.name,
      fingerprint,
      endpoints: looks.map(lookJson),
      notes,
      errors: errors.map(({ target, error }) => ({ target, ...errorJson(error) })),
    })),
    endpoints: endpoints.map(({ monitored: { text, certificate }, looks }) => ({
      endpoint: text,
      ...(certificate !== undefined && { certificate }),
      looks: looks.map(lookJson),
    })),
  }
}

/** One address, as programs see it. */
export function lookJson({ look, findings, stored }: JudgedLook): Record<string, unknown> {
  const outcome = {
    ...(stored !== undefined && { stored }),
    ok: isGoodLook(findings),
    problems: findings.map(({ kind, level, text, hint }) => ({
      kind,
      level,
      text,
      ...(hint !== undefined && { hint }),
    })),
  }
  if ('error' in look) return { ...look.endpoint, failure: look.error.message, ...outcome }
  const { notBefore, notAfter, chain, keyKind: _, ...seen } = look.seen
  return {
    ...look.endpoint,
    ...seen,
    notBefore: formatInstant(notBefore),
    notAfter: formatInstant(notAfter),
    chainLength: chain.length,
    chain: { state: chain.state, remarks: chain.remarks },
    ...outcome,
  }
}

/** One thing that is not as it was at the look before. */
export type VerifyChange = {
  readonly where: string
  readonly before: string | undefined
  readonly text: string
  /** Absent where it is no longer looked at. */
  readonly json?: Record<string, unknown>
}

/** What differs from one look to the next: results, certificates and reasons, not the time that is left. */
export function changesBetween(before: Verified, after: Verified): readonly VerifyChange[] {
  const earlier = statesOf(before)
  const now = statesOf(after)
  const gone = [...earlier].filter(([where]) => !now.has(where))
  return [
    ...[...now].flatMap(([where, { state, text, json }]) =>
      earlier.get(where)?.state === state
        ? []
        : [{ where, before: earlier.get(where)?.word, text, ...(json && { json }) }],
    ),
    ...gone.map(([where, { word }]) => ({ where, before: word, text: 'no longer looked at' })),
  ]
}

type State = {
  readonly state: string
  readonly word: string
  readonly text: string
  readonly json?: Record<string, unknown>
}

function statesOf({ certificates, endpoints }: Verified): ReadonlyMap<string, State> {
  const states = new Map<string, State>()
  for (const { looks } of [...certificates, ...endpoints]) {
    for (const judged of looks) {
      const { look, findings } = judged
      const word = wordFor(findings)
      const wrong = findings.filter(({ level }) => level === 'wrong')
      const shown = 'error' in look ? '' : `, certificate ${shortFingerprint(look.seen.fingerprint)}`
      const why = wrong.length === 0 ? shown : `: ${wrong.map(({ text }) => inOneLine(text)).join('; ')}`
      const kinds = findings.map(({ kind, level }) => `${kind} ${level}`)
      const reason = 'error' in look ? [look.error.message] : [look.seen.fingerprint, look.seen.chain.state]
      states.set(endpointName(look.endpoint), {
        ...{ state: JSON.stringify([kinds, reason]), word, text: `${word}${why}` },
        json: lookJson(judged),
      })
    }
  }
  for (const { spec, errors } of certificates) {
    for (const { target, error } of errors) {
      const text = `WRONG: ${inOneLine(error.message)}`
      states.set(`${spec.name}: ${target}`, { state: text, word: 'WRONG', text })
    }
  }
  return states
}
