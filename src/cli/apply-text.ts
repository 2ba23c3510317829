/** What became of a certificate, for people and for programs. */
import { formatInstant, type Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { ApplyResult } from '../manage/apply-result.ts'
import { endpointName } from '../manage/observe/endpoint-result.ts'
import { livePath } from '../manage/store/paths.ts'
import { hasPrivateKey } from '../manage/store/stored-certificate.ts'
import { errorJson, failureLines } from './error-text.ts'
import { styled, whenText } from './text.ts'

export type TextOptions = { readonly state: string; readonly now: Instant; readonly color: boolean }

/** One certificate's outcome: where the files are, until when they are good, when they are renewed, who serves them. */
export function describeResult(result: ApplyResult, { state, now, color }: TextOptions): string {
  const { spec, certificate, outcome, targets, error, action, renewAt } = result
  const mark = (ok: boolean) => styled(color, ok ? 'green' : 'red', ok ? 'ok' : 'FAILED')
  if (outcome === 'unchanged') return `${spec.name}: nothing to do; ${action?.reason.text ?? ''}\n`
  if (outcome === 'waiting') return `${spec.name}: waiting; ${action?.reason.text ?? ''}\n`
  const lines: string[] = []
  if (certificate !== undefined) {
    lines.push(
      `${spec.name}: ${whatHappened(result)} for ${spec.identifiers.map(({ value }) => value).join(', ')}`,
    )
    const files = hasPrivateKey(certificate)
      ? 'fullchain.pem, privkey.pem'
      : 'fullchain.pem; its key is where the CSR was made'
    lines.push(`  files    ${livePath(state, spec.name)}/ (${files})`)
    lines.push(
      `  valid    until ${whenText(certificate.notAfter, now)}, from ${printable(certificate.issuer, 200)}`,
    )
    if (renewAt !== undefined)
      lines.push(`  renewal  ${whenText(renewAt, now)}, by certwright apply or certwright run`)
  }
  for (const target of targets) {
    const seen = target.endpoints.filter(({ fingerprint }) => fingerprint === certificate?.fingerprint)
    lines.push(
      `  ${target.target}: ${mark(target.error === undefined)}${seen.length === 0 ? '' : `, served by ${seen.map(({ endpoint }) => endpointName(endpoint)).join(', ')}`}`,
    )
    lines.push(...target.notes.map(note => `    note: ${printable(note)}`))
    if (target.error !== undefined) lines.push(...indent(failureLines(target.error), 4))
  }
  if (certificate !== undefined && error !== undefined) {
    lines.push(`  next     certwright deploy ${spec.name}, once that is mended`)
    lines.push(...nextTry(result, now))
  }
  if (certificate === undefined && error !== undefined) {
    lines.push(`${spec.name}: ${mark(false)}`, ...indent(failureLines(error), 2))
    lines.push(...nextTry(result, now))
  }
  return `${lines.join('\n')}\n`
}

function nextTry({ spec, action, error, retryAt }: ApplyResult, now: Instant): readonly string[] {
  if (retryAt === undefined)
    return action?.reason.code === 'forced' && action.kind === 'issue'
      ? [`  next     certwright apply --force ${spec.name}, once that is mended`]
      : []
  if (error?.retryAt !== undefined) return [`  retry    not before ${whenText(retryAt, now)}, as the CA asks`]
  return [`  retry    ${whenText(retryAt, now)}, or at once by certwright apply --only ${spec.name}`]
}

function whatHappened({ outcome, action, error }: ApplyResult): string {
  if (outcome !== 'deployed' && action?.kind !== 'deploy') return 'issued'
  return error === undefined ? 'delivered' : 'not delivered'
}

/** The same for programs. */
export function resultJson(
  { spec, certificate, outcome, action, targets, error, renewAt, retryAt }: ApplyResult,
  state: string,
): Record<string, unknown> {
  return {
    name: spec.name,
    outcome,
    ...(action !== undefined && { action: action.kind, reason: action.reason }),
    ...(action?.kind === 'wait' && { until: formatInstant(action.until) }),
    ...(retryAt !== undefined && outcome === 'failed' && { retryAt: formatInstant(retryAt) }),
    identifiers: spec.identifiers.map(({ value }) => value),
    directory: livePath(state, spec.name),
    ...(certificate !== undefined && {
      generation: certificate.generation,
      fingerprint: certificate.fingerprint,
      notBefore: formatInstant(certificate.notBefore),
      notAfter: formatInstant(certificate.notAfter),
      ...(renewAt !== undefined && { renewAt: formatInstant(renewAt) }),
    }),
    targets: targets.map(target => ({
      target: target.target,
      ok: target.error === undefined,
      endpoints: target.endpoints.map(({ endpoint, fingerprint, failure }) => ({
        host: endpoint.host,
        port: endpoint.port,
        serverName: endpoint.serverName,
        keyKind: endpoint.keyKind,
        source: endpoint.source,
        fingerprint,
        failure,
        served: fingerprint !== undefined && fingerprint === certificate?.fingerprint,
      })),
      notes: target.notes,
      ...(target.error !== undefined && { error: errorJson(target.error) }),
    })),
    ...(error !== undefined && { error: errorJson(error) }),
  }
}

function indent(lines: readonly string[], by: number): readonly string[] {
  return lines.map(line => ' '.repeat(by) + line)
}
