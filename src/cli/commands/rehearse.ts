/** `certwright rehearse NAME`: the whole renewal with a staging CA, delivery included, and everything put back. */
import { formatDuration } from '../../base/duration.ts'
import { loadConfig } from '../../manage/config/load.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { type Rehearsal, rehearse } from '../../manage/rehearse/rehearse.ts'
import { stagingFor } from '../../manage/rehearse/staging.ts'
import type { CertificateSpec } from '../../manage/spec.ts'
import { rehearsalState } from '../../manage/store/rehearsals.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { confirm } from '../confirm.ts'
import { errorJson, failureLines } from '../error-text.ts'
import { styled } from '../text.ts'
import { createWorkbench, findSpec } from '../workbench.ts'

export type RehearseFlags = {
  readonly args: readonly string[]
  readonly deploy: boolean
  readonly yes?: boolean
}

/** Rehearses the renewal of one certificate. Fails when a step failed. */
export async function rehearseCommand(
  context: CommandContext,
  { args, deploy, yes }: RehearseFlags,
): Promise<CommandResult> {
  const { state, place, authority: asked, signal, onEvent, globals } = context
  // `--authority` names the staging here; it does not replace what is configured.
  const config = await loadConfig(place, {}, context.runtime)
  const spec = findSpec(config, args[0] ?? '')
  const staging = stagingFor(spec, asked, config)
  const hasCertificate = newest(await observeCertificate(state, spec.name, context.runtime)) !== undefined
  const shows = deploy && hasCertificate && spec.deploy.length > 0
  if (shows) await confirm(question(spec), yes, context)
  // An embedded CA has its keys where the rest of a rehearsal is.
  await using bench = createWorkbench({ ...context, state: rehearsalState(state) }, config)
  const { clientFor, solverFor, deployerFor, runtime } = bench
  const rehearsal = await rehearse(
    state,
    {
      spec,
      staging,
      deploy: shows,
      account: config.account,
      clientFor,
      solverFor,
      deployerFor,
      onEvent,
      signal,
    },
    runtime,
  )
  const failed = rehearsal.steps.some(({ error }) => error !== undefined)
  const remark = !deploy || shows ? undefined : untouched(spec, hasCertificate)
  return {
    exitCode: failed ? exitCodes.failed : exitCodes.done,
    text: rehearsalText(rehearsal, { name: spec.name, staging: staging.id, remark, color: globals.color }),
    json: rehearsalJson(rehearsal, { name: spec.name, staging: staging.id }),
  }
}

function question({ name, deploy }: CertificateSpec): string {
  const servers = deploy.map(target => target.name).join(', ')
  return `For some seconds ${servers} will show a test certificate for ${name} that no visitor trusts. Go on? (--no-deploy leaves servers alone)`
}

function untouched({ deploy }: CertificateSpec, hasCertificate: boolean): string {
  if (deploy.length === 0) return 'there are no targets, so nothing was delivered'
  return hasCertificate
    ? ''
    : 'there is no certificate yet that could be put back, so servers were left alone'
}

type TextOptions = {
  readonly name: string
  readonly staging: string
  readonly remark: string | undefined
  readonly color: boolean
}

/** The steps with their times, and whether a real renewal would have gone well. Pure. */
export function rehearsalText(
  { steps, shownMs }: Rehearsal,
  { name, staging, remark, color }: TextOptions,
): string {
  const lines = steps.flatMap(({ name: step, text, ms, error }) => {
    const word = error === undefined ? styled(color, 'green', 'ok    ') : styled(color, 'red', 'FAILED')
    const [first = '', ...more] = failureLines(error ?? { message: text })
    return [
      `  ${word}  ${step.padEnd(8)}  ${first} (${formatDuration(ms)})`,
      ...more.map(line => `${' '.repeat(20)}${line}`),
    ]
  })
  const failed = steps.some(({ error }) => error !== undefined)
  const verdict = failed
    ? `${name}: the rehearsal with ${staging} failed; a renewal would have failed there too`
    : `${name}: the rehearsal with ${staging} went well`
  const shown =
    shownMs === undefined ? [] : [`  the test certificate was in place for ${formatDuration(shownMs)}`]
  const remarks = remark === undefined || remark === '' ? [] : [`  ${remark}`]
  return [...lines, verdict, ...shown, ...remarks, ''].join('\n')
}

function rehearsalJson(
  { steps, shownMs }: Rehearsal,
  { name, staging }: { readonly name: string; readonly staging: string },
): Record<string, unknown> {
  return {
    name,
    authority: staging,
    ok: steps.every(({ error }) => error === undefined),
    steps: steps.map(({ name: step, text, ms, error }) => ({
      ...{ name: step, ok: error === undefined, text, ms },
      ...(error !== undefined && { error: errorJson(error) }),
    })),
    ...(shownMs !== undefined && { shownMs }),
  }
}
