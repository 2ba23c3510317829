/** `certwright plan`, and `apply --dry-run`. */
import { formatInstant } from '../../base/instant.ts'
import type { Plan } from '../../manage/manager.ts'
import type { Action } from '../../manage/plan/action.ts'
import type { Refusal } from '../../manage/plan/guard.ts'
import { keepHeapSmall } from '../../runtime/node/small-heap.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { errorJson, failureLines } from '../error-text.ts'
import { formatTable } from '../table.ts'
import { styled, whenText } from '../text.ts'
import { createWorkbench, findSpec, loadCommandConfig } from '../workbench.ts'

export type PlanFlags = {
  readonly only?: readonly string[]
  readonly force?: readonly string[]
  readonly allAtOnce?: boolean
  readonly detailedExitcode?: boolean
  /** How far the calendar goes, in milliseconds. */
  readonly forecast?: number
}

/** Prints what would be done and why; changes nothing and asks no CA. */
export async function plan(
  context: CommandContext,
  { only = [], force = [], allAtOnce = false, detailedExitcode = false, forecast: horizonMs }: PlanFlags,
): Promise<CommandResult> {
  keepHeapSmall()
  const config = await loadCommandConfig(context)
  for (const name of [...only, ...force]) findSpec(config, name)
  await using bench = createWorkbench(context, config)
  const found = await bench.manager.plan({
    ...(only.length > 0 && { only: [...only, ...force], eager: true }),
    force,
    allowMany: allAtOnce,
    signal: context.signal,
  })
  if (horizonMs !== undefined) return await forecast(found, horizonMs, context)
  const idle = found.actions.every(({ kind }) => kind === 'none')
  return {
    exitCode: detailedExitcode && idle ? exitCodes.nothingToDo : exitCodes.done,
    text: planText(found, context),
    get json() {
      return planJson(found)
    },
  }
}

/** The calendar of coming renewals, and the load of each day. */
async function forecast(
  { at, actions }: Plan,
  horizonMs: number,
  { state, runtime, onEvent }: CommandContext,
): Promise<CommandResult> {
  const [{ forecastPlan }, { forecastJson, forecastText }] = await Promise.all([
    import('../../manage/limits/forecast-plan.ts'),
    import('../forecast-text.ts'),
  ])
  const onWarning = (text: string) =>
    onEvent({ certificate: undefined, step: 'order', level: 'warning', text })
  const calendar = await forecastPlan(state, actions, { now: at, horizonMs, onWarning }, runtime)
  return { exitCode: exitCodes.done, text: forecastText(calendar), json: forecastJson(calendar) }
}

/** What to say where nothing is configured. */
export const noCertificates =
  'no certificates are configured; begin with: certwright issue NAME --webroot DIR\n'

const words: Readonly<Record<Action['kind'], string>> = {
  issue: 'issue',
  deploy: 'deliver',
  wait: 'wait',
  none: 'nothing to do',
}
const colors = { issue: 'yellow', deploy: 'yellow', wait: 'yellow', none: 'green' } as const

function planText({ at, actions, refusals, nextWakeAt }: Plan, { globals }: CommandContext): string {
  if (actions.length === 0) return noCertificates
  const rows = actions.map(action => {
    const refused = refusalOf(action, refusals)
    return [
      action.spec.name,
      refused === undefined
        ? styled(globals.color, colors[action.kind], words[action.kind])
        : styled(globals.color, 'red', 'refused'),
      action.reason.code,
      action.reason.text,
    ]
  })
  const counts = (['issue', 'deploy', 'wait', 'none'] as const).flatMap(kind => {
    const count = actions.filter(
      action => action.kind === kind && refusalOf(action, refusals) === undefined,
    ).length
    return count === 0 ? [] : [`${count} × ${words[kind]}`]
  })
  const next = nextWakeAt === undefined ? '' : `; next look ${whenText(nextWakeAt, at)}`
  const blocks = refusals.map(({ error }) => `\n${failureLines(error).join('\n')}\n`)
  return `${formatTable([['NAME', 'ACTION', 'REASON', ''], ...rows])}${blocks.join('')}\n${counts.join(', ') || 'all refused'}${next}\n`
}

function planJson({ at, actions, refusals, nextWakeAt }: Plan): unknown {
  return {
    at: formatInstant(at),
    ...(nextWakeAt !== undefined && { nextWakeAt: formatInstant(nextWakeAt) }),
    actions: actions.map(action => {
      const refused = refusalOf(action, refusals)
      return {
        name: action.spec.name,
        action: action.kind,
        reason: action.reason,
        ...(action.kind === 'wait' && { until: formatInstant(action.until) }),
        ...(action.kind === 'none' && { renewAt: formatInstant(action.renewAt) }),
        ...(refused !== undefined && { refused: errorJson(refused.error) }),
      }
    }),
  }
}

function refusalOf({ spec }: Action, refusals: readonly Refusal[]): Refusal | undefined {
  return refusals.find(({ names }) => names.includes(spec.name))
}
