/** `certwright apply`, `renew` and `deploy`. */
import { AppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { ApplyOptions, ApplyResult } from '../../manage/manager.ts'
import { describeAction, describeResult, resultJson } from '../apply-text.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { createWorkbench, findSpec, loadCommandConfig } from '../workbench.ts'

export type ApplyFlags = {
  readonly args: readonly string[]
  readonly only?: readonly string[]
  readonly force?: readonly string[]
  readonly dryRun?: boolean
  readonly detailedExitcode?: boolean
}

/** Makes everything as configured. Says nothing about certificates that need nothing, unless that is all there is. */
export async function apply(
  context: CommandContext,
  { args, only = [], force = [], dryRun = false, detailedExitcode = false }: ApplyFlags,
): Promise<CommandResult> {
  if (args.length > 0) {
    throw new AppError('ERR_USAGE', `apply takes no names: ${printable(args.join(' '), 200)}`, {
      hint: `certwright apply --only ${printable(args[0] ?? '', 80)}`,
    })
  }
  const config = await loadCommandConfig(context)
  for (const name of [...only, ...force]) findSpec(config, name)
  const options: ApplyOptions = {
    ...(only.length > 0 ? { only: [...only, ...force] } : {}),
    force,
    signal: context.signal,
  }
  await using bench = createWorkbench(context, config)
  if (dryRun) {
    const actions = await bench.manager.plan(options)
    const json = actions.map(({ spec, kind, reason, ...rest }) => ({
      name: spec.name,
      action: kind,
      reason,
      ...('until' in rest && { until: formatInstant(rest.until) }),
    }))
    const text = actions.map(action => `${describeAction(action)}\n`).join('')
    const idle = actions.every(({ kind }) => kind === 'none')
    return {
      exitCode: detailedExitcode && idle ? exitCodes.nothingToDo : exitCodes.done,
      text: text || noCertificates,
      json,
    }
  }
  const results = await bench.manager.apply(options)
  const result = toCommandResult(results, context)
  const idle = results.every(({ outcome }) => outcome === 'unchanged')
  return detailedExitcode && idle ? { ...result, exitCode: exitCodes.nothingToDo } : result
}

/** Delivers what is stored, without asking the CA for anything. */
export async function deploy(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const config = await loadCommandConfig(context)
  const spec = findSpec(config, args[0] ?? '')
  await using bench = createWorkbench(context, config)
  const [action] = await bench.manager.plan({ only: [spec.name], redeploy: true, signal: context.signal })
  if (action?.kind !== 'deploy') {
    throw new AppError(
      'ERR_NOT_FOUND',
      `${spec.name} has no certificate to deliver: ${action?.reason.text ?? ''}`,
      {
        hint: `certwright apply --only ${spec.name}`,
      },
    )
  }
  return toCommandResult(
    await bench.manager.apply({ only: [spec.name], redeploy: true, signal: context.signal }),
    context,
  )
}

const noCertificates = 'no certificates are configured; begin with: certwright issue NAME --webroot DIR\n'

function toCommandResult(
  results: readonly ApplyResult[],
  { state, runtime, globals }: CommandContext,
): CommandResult {
  const failed = results.some(({ outcome }) => outcome === 'failed')
  const changed = results.filter(({ outcome }) => outcome !== 'unchanged')
  const options = { state, now: runtime.clock.now(), color: globals.color }
  return {
    exitCode: failed ? exitCodes.failed : exitCodes.done,
    text:
      results.length === 0 ? noCertificates : changed.map(result => describeResult(result, options)).join(''),
    json: { certificates: results.map(result => resultJson(result, state)) },
  }
}
