/** `certwright apply`, `renew` and `deploy`. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { ApplyResult } from '../../manage/apply-result.ts'
import type { ApplyOptions } from '../../manage/manager.ts'
import { keepHeapSmall } from '../../runtime/node/small-heap.ts'
import { applyAndReport } from '../apply-and-report.ts'
import { describeResult, resultJson } from '../apply-text.ts'
import { type CommandContext, type CommandResult, type ExitCode, exitCodes } from '../command.ts'
import { createWorkbench, findSpec, loadCommandConfig } from '../workbench.ts'
import { noCertificates, plan } from './plan.ts'

export type ApplyFlags = {
  readonly args: readonly string[]
  readonly only?: readonly string[]
  readonly force?: readonly string[]
  readonly dryRun?: boolean
  readonly allAtOnce?: boolean
  readonly detailedExitcode?: boolean
}

/** Makes everything as configured. Says nothing about certificates that need nothing, unless that is all there is. */
export async function apply(
  context: CommandContext,
  { args, only = [], force = [], dryRun = false, allAtOnce = false, detailedExitcode = false }: ApplyFlags,
): Promise<CommandResult> {
  if (args.length > 0) {
    throw new AppError('ERR_USAGE', `apply takes no names: ${printable(args.join(' '), 200)}`, {
      hint: `certwright apply --only ${printable(args[0] ?? '', 80)}`,
    })
  }
  if (dryRun) return plan(context, { only, force, allAtOnce, detailedExitcode })
  keepHeapSmall()
  const config = await loadCommandConfig(context)
  for (const name of [...only, ...force]) findSpec(config, name)
  const options: ApplyOptions = {
    // Who names a certificate wants it now.
    ...(only.length > 0 && { only: [...only, ...force], eager: true }),
    force,
    allowMany: allAtOnce,
    signal: context.signal,
  }
  await using bench = createWorkbench(context, config)
  const results = await applyAndReport(bench, options, context)
  const idle = results.every(({ outcome }) => outcome === 'unchanged')
  return toCommandResult(results, context, detailedExitcode && idle ? exitCodes.nothingToDo : exitCodes.done)
}

/** Delivers what is stored, without asking the CA for anything. */
export async function deploy(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const config = await loadCommandConfig(context)
  const spec = findSpec(config, args[0] ?? '')
  await using bench = createWorkbench(context, config)
  const options = { only: [spec.name], redeploy: true, eager: true, signal: context.signal }
  const [action] = (await bench.manager.plan(options)).actions
  if (action?.kind !== 'deploy') {
    throw new AppError(
      'ERR_NOT_FOUND',
      `${spec.name} has no certificate to deliver: ${action?.reason.text ?? ''}`,
      { hint: `certwright apply --only ${spec.name}` },
    )
  }
  return toCommandResult(await applyAndReport(bench, options, context), context)
}

function toCommandResult(
  results: readonly ApplyResult[],
  { state, runtime, globals }: CommandContext,
  goodCode: ExitCode = exitCodes.done,
): CommandResult {
  const failed = results.some(({ outcome }) => outcome === 'failed' || outcome === 'refused')
  const silent = globals.quiet === true ? ['unchanged', 'waiting'] : ['unchanged']
  const changed = results.filter(({ outcome }) => !silent.includes(outcome))
  const options = { state, now: runtime.clock.now(), color: globals.color }
  return {
    exitCode: failed ? exitCodes.failed : goodCode,
    text:
      results.length === 0 ? noCertificates : changed.map(result => describeResult(result, options)).join(''),
    // Rarely wanted, and long where there are many.
    get json() {
      return { certificates: results.map(result => resultJson(result, state)) }
    },
  }
}
