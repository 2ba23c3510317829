/** `certwright verify`: what every endpoint serves and what lies in the copies, compared with what is stored. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { deployableOf } from '../../manage/deployable.ts'
import { changedCopies } from '../../manage/observe/copies.ts'
import { type EndpointResult, endpointName } from '../../manage/observe/endpoint-result.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { observeTargets } from '../../manage/observe/targets.ts'
import type { CertificateSpec } from '../../manage/spec.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { errorJson, failureLines } from '../error-text.ts'
import { formatTable } from '../table.ts'
import { styled } from '../text.ts'
import { createWorkbench, findSpec, loadCommandConfig, type Workbench } from '../workbench.ts'

/** What was found out about one certificate. */
export type Checked = {
  readonly spec: CertificateSpec
  readonly fingerprint: string | undefined
  readonly endpoints: readonly EndpointResult[]
  readonly notes: readonly string[]
  readonly errors: readonly { readonly target: string; readonly error: AppError }[]
}

/** Asks every endpoint of one certificate, or of all. Fails when one serves something else or nothing. */
export async function verify(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const config = await loadCommandConfig(context)
  const specs = args[0] === undefined ? config.certificates : [findSpec(config, args[0])]
  await using bench = createWorkbench(context, config)
  const checked: Checked[] = []
  for (const spec of specs) checked.push(await checkSpec(spec, bench, context))
  const bad = checked.some(
    ({ fingerprint, endpoints, errors }) =>
      errors.length > 0 || endpoints.some(seen => seen.fingerprint !== fingerprint),
  )
  return {
    exitCode: bad ? exitCodes.failed : exitCodes.done,
    text:
      checked.length === 0 ? 'no certificates are configured\n' : verifyText(checked, context.globals.color),
    json: { ok: !bad, certificates: checked.map(toJson) },
  }
}

async function checkSpec(
  spec: CertificateSpec,
  { deployerFor, runtime }: Workbench,
  { state, signal }: CommandContext,
): Promise<Checked> {
  const view = await observeCertificate(state, spec.name, runtime)
  const stored = view.live ?? newest(view)
  if (stored === undefined) {
    const error = new AppError('ERR_NOT_FOUND', `${spec.name} has no certificate yet`, {
      hint: `certwright apply --only ${spec.name}`,
    })
    return { spec, fingerprint: undefined, endpoints: [], notes: [], errors: [{ target: 'store', error }] }
  }
  const certificate = deployableOf(state, spec, stored)
  const sights = await observeTargets(spec, certificate, { deployerFor, signal }, runtime)
  const endpoints = sights.flatMap(sight => sight.endpoints)
  const notes = sights.flatMap(sight => sight.notes)
  const delivered = view.deployments.filter(({ generation }) => generation === stored.generation)
  const errors = [
    ...sights.flatMap(({ target, error }) => (error === undefined ? [] : [{ target, error }])),
    ...(await changedCopies(delivered, runtime)).map(({ target, path, text }) => {
      const hint = `certwright apply --only ${spec.name} writes it again`
      return { target, error: new AppError('ERR_DEPLOY', `${printable(path)} ${text}`, { hint }) }
    }),
  ]
  if (spec.deploy.length === 0) notes.push('no targets are configured, so there is nothing to ask')
  return { spec, fingerprint: stored.fingerprint, endpoints, notes, errors }
}

/** A table of the endpoints, below it what to do and to know. Pure. */
export function verifyText(checked: readonly Checked[], color: boolean): string {
  const rows = checked.flatMap(({ spec, fingerprint, endpoints }) =>
    endpoints.map(seen => [
      spec.name,
      endpointName(seen.endpoint),
      seen.fingerprint === fingerprint ? styled(color, 'green', 'ok') : styled(color, 'red', 'WRONG'),
      seen.failure === undefined
        ? `${seen.fingerprint === fingerprint ? '' : `certificate ${short(seen.fingerprint)}, `}${seen.protocol ?? ''}, ${seen.chainLength ?? 0} certificate${seen.chainLength === 1 ? '' : 's'}, until ${seen.notAfter ?? ''}`
        : printable(seen.failure),
    ]),
  )
  const table = rows.length === 0 ? '' : formatTable([['NAME', 'ENDPOINT', 'RESULT', 'SERVES'], ...rows])
  const remarks = checked.flatMap(({ spec, fingerprint, endpoints, notes, errors }) => [
    ...(endpoints.some(seen => seen.fingerprint !== fingerprint)
      ? [
          `${spec.name}: certificate ${short(fingerprint)} should be served\n  hint: certwright deploy ${spec.name} delivers it again`,
        ]
      : []),
    ...errors.map(({ target, error }) => `${spec.name}: ${target}: ${failureLines(error).join('\n  ')}`),
    ...notes.map(note => `${spec.name}: note: ${printable(note)}`),
  ])
  return [table, ...remarks.map(remark => `${remark}\n`)].join('')
}

/** Enough of a fingerprint to tell certificates apart. */
function short(fingerprint: string | undefined): string {
  return fingerprint?.slice(0, 12) ?? 'unknown'
}

function toJson({ spec, fingerprint, endpoints, notes, errors }: Checked): Record<string, unknown> {
  return {
    name: spec.name,
    fingerprint,
    endpoints: endpoints.map(({ endpoint, ...seen }) => ({
      ...endpoint,
      ...seen,
      ok: seen.fingerprint === fingerprint,
    })),
    notes,
    errors: errors.map(({ target, error }) => ({ target, ...errorJson(error) })),
  }
}
