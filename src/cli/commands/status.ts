/** `certwright status`: the inventory. Reads the store and, if nothing changed, no configuration. */
import { type AppError, isAppError } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { readCachedNames } from '../../manage/config/cache.ts'
import {
  type EndpointRecord,
  endpointRecordJson,
  readEndpointRecords,
} from '../../manage/monitor/endpoint-records.ts'
import { type CertificateView, newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { expectedRenewal } from '../../manage/plan/renewal-time.ts'
import { parseSpecName, type SpecName } from '../../manage/spec.ts'
import type { Deployment } from '../../manage/store/deployments.ts'
import { storedNames } from '../../manage/store/generations.ts'
import { livePath } from '../../manage/store/paths.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { endpointsText } from '../endpoints-text.ts'
import { errorJson, type Failure, failureLines } from '../error-text.ts'
import { formatTable } from '../table.ts'
import { styled, whenText } from '../text.ts'

/** What a certificate looks like at a glance, worst first. */
export const healths = [
  'damaged',
  'expired',
  'revoked',
  'missing',
  'not-deployed',
  'failing',
  'due',
  'ok',
] as const
export type Health = (typeof healths)[number]

/** Prints a table of all certificates; problems below it. */
export async function status(context: CommandContext): Promise<CommandResult> {
  const { state, runtime, globals } = context
  const now = runtime.clock.now()
  const { configured, mistakes } = await readNames(context)
  const stored = await storedNames(state, runtime)
  const names = [...new Set([...configured, ...stored])].flatMap(name => parseSpecName(name) ?? []).sort()
  const rows = await Promise.all(
    names.map(async name => ({
      view: await observeCertificate(state, name, runtime, { trustUntouched: true }),
      configured: mistakes !== undefined || configured.includes(name),
    })),
  )
  const endpoints = await readEndpoints(state, runtime)
  const table =
    rows.length === 0
      ? `no certificates in ${state} yet; begin with: certwright issue NAME --webroot DIR\n`
      : statusText(rows, state, now, globals.color)
  // Asking takes longer than all the rest, so only who wants to know more has it asked.
  const daemon =
    globals.verbose === true
      ? await (await import('../daemon-text.ts')).describeDaemon(state, runtime)
      : undefined
  const trouble =
    mistakes === undefined
      ? ''
      : `\nthe configuration cannot be used as it is\n  ${failureLines(mistakes).join('\n  ')}\n`
  const text = rows.length === 0 && mistakes !== undefined ? '' : table
  const looked = endpointsText(endpoints, { now, color: globals.color })
  return {
    exitCode: mistakes === undefined ? exitCodes.done : exitCodes.usage,
    text: [text, looked, trouble, daemon === undefined ? '' : `\n${daemon.text}`].join(''),
    get json() {
      return {
        certificates: rows.map(row => statusJson(row, state, now)),
        ...(endpoints.length > 0 && { endpoints: endpoints.map(endpointRecordJson) }),
        ...(mistakes && { error: errorJson(mistakes) }),
        ...(daemon && { daemon: daemon.json }),
      }
    },
  }
}

type Row = { readonly view: CertificateView; readonly configured: boolean }

/** The configured names; with a configuration that cannot be used, what is stored is shown all the same. */
async function readNames({ place, state, runtime }: CommandContext): Promise<{
  readonly configured: readonly string[]
  readonly mistakes?: AppError
}> {
  try {
    return { configured: await readCachedNames(place, state, runtime) }
  } catch (error) {
    if (!isAppError(error)) throw error
    return { configured: [], mistakes: error }
  }
}

/** What was seen at monitored endpoints; a file that cannot be read is no reason to say nothing of certificates. */
async function readEndpoints(
  state: string,
  runtime: CommandContext['runtime'],
): Promise<readonly EndpointRecord[]> {
  try {
    return await readEndpointRecords(state, runtime)
  } catch (error) {
    if (isAppError(error, 'ERR_STORE', 'ERR_STORE_CORRUPT')) return []
    throw error
  }
}

/** One word for the state of a certificate. Pure. */
export function health(view: CertificateView, now: Instant): Health {
  const certificate = newest(view)
  if (certificate === undefined)
    return view.damaged.length > 0 ? 'damaged' : failureOf(view) === undefined ? 'missing' : 'failing'
  if (certificate.notAfter <= now) return 'expired'
  if (certificate.revokedAt !== undefined) return 'revoked'
  if (
    view.live?.generation !== certificate.generation ||
    view.deployments.some(({ failure }) => failure !== undefined)
  )
    return 'not-deployed'
  if (failureOf(view) !== undefined) return 'failing'
  return expectedRenewal(certificate, view.renewal).at <= now ? 'due' : 'ok'
}

function statusText(rows: readonly Row[], state: string, now: Instant, color: boolean): string {
  const heading = ['NAME', 'STATE', 'EXPIRES', 'RENEWAL', 'SERVED BY']
  const cells = rows.map(({ view, configured }) => {
    const certificate = newest(view)
    const word = health(view, now)
    return [
      view.name + (configured ? '' : ' (not configured)'),
      styled(color, word === 'ok' ? 'green' : word === 'due' ? 'yellow' : 'red', word),
      certificate === undefined ? '-' : whenText(certificate.notAfter, now),
      certificate === undefined || !configured
        ? '-'
        : whenText(expectedRenewal(certificate, view.renewal).at, now),
      view.deployments
        .filter(({ failure }) => failure === undefined)
        .map(({ target }) => target)
        .join(', ') || '-',
    ]
  })
  const problems = rows.flatMap(row =>
    problemsOf(row, state).map(problem => `\n${row.view.name}: ${failureLines(problem).join('\n  ')}\n`),
  )
  return formatTable([heading, ...cells]) + problems.join('')
}

function problemsOf({ view, configured }: Row, state: string): readonly Failure[] {
  const { damaged, deployments } = view
  const failed = failureOf(view)
  const failures = deployments.flatMap(({ failure }) => failure ?? [])
  return [
    ...damaged,
    ...(failed === undefined ? [] : [failed]),
    ...failures,
    ...(failures.length === 0 ? strayLink(view, configured, state) : []),
  ]
}

function failureOf({ attempts, run }: CertificateView): Failure | undefined {
  const failed = attempts.issuance
  if (failed === undefined) return run?.failure
  const { message, hint } = failed.last
  const times = failed.count === 1 ? '' : `, ${failed.count} times since ${formatInstant(failed.since)}`
  const next = `next attempt ${formatInstant(failed.retryAt)}${times}`
  return { message, hint: hint === undefined ? next : `${hint}; ${next}` }
}

// After a failed delivery the link leads to the earlier certificate on purpose.
function strayLink(view: CertificateView, configured: boolean, state: string): readonly Failure[] {
  const certificate = newest(view)
  if (view.rehearsal === true) {
    const message = 'a rehearsal is under way, or was interrupted: servers may show its test certificate'
    return [{ message, ...(configured && { hint: 'certwright apply puts it right' }) }]
  }
  if (certificate === undefined || view.live?.generation === certificate.generation) return []
  return [
    {
      message: `${livePath(state, view.name)} does not lead to the newest good certificate`,
      ...(configured && { hint: 'certwright apply puts it right' }),
    },
  ]
}

function statusJson(row: Row, state: string, now: Instant): Record<string, unknown> {
  const { view, configured } = row
  const certificate = newest(view)
  return {
    name: view.name satisfies SpecName,
    configured,
    state: health(view, now),
    ...(certificate !== undefined && {
      identifiers: certificate.identifiers.map(({ value }) => value),
      notAfter: formatInstant(certificate.notAfter),
      renewAt: formatInstant(expectedRenewal(certificate, view.renewal).at),
      fingerprint: certificate.fingerprint,
      authority: certificate.authority.id,
    }),
    deployments: view.deployments.map(deploymentJson),
    problems: problemsOf(row, state).map(({ message, hint }) =>
      hint === undefined ? message : `${message}; ${hint}`,
    ),
  }
}

/** The last delivery to one target; its endpoints are named in `seenAt`, its copies by their paths. */
export function deploymentJson(deployment: Deployment): Record<string, unknown> {
  const { at, goodAt: _, copies, endpoints: __, copiedBy: ___, ...rest } = deployment
  return { ...rest, ...(copies && { copies: copies.map(({ path }) => path) }), at: formatInstant(at) }
}
