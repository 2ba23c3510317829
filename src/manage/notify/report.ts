/** What a program does after a run: it tells people, and gives its sign of life. */
import type { AppError } from '../../base/errors.ts'
import type { UrlOrSecret } from '../../contracts/secret.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Recollection } from '../recollection.ts'
import type { NotifierChoice } from './choice.ts'
import { isGood, type Run, type RunResult } from './decide.ts'
import type { DeliverOptions } from './deliver.ts'
import { sendHeartbeat } from './heartbeat.ts'
import { notifyAfterRun } from './notify.ts'

export type ReportOptions = DeliverOptions & {
  readonly notify: readonly NotifierChoice[]
  readonly heartbeat?: UrlOrSecret
  /** Of a process that stays. */
  readonly recollection?: Recollection
}

/**
 * Reports a run to everybody who is configured. A run about some certificates only has no heartbeat: it must not stand in
 * for the one about all of them, whose absence is the alarm.
 * @returns what a person should be warned of; never throws, and takes as long as the slowest notifier may
 */
export async function reportRun(
  state: string,
  run: Run,
  { notify, heartbeat, recollection, ...options }: ReportOptions,
  runtime: Pick<Runtime, 'clock' | 'environment' | 'exec' | 'files' | 'hostName' | 'http' | 'tryLock'>,
): Promise<readonly AppError[]> {
  const seen = new Set<string>(run.results.map(({ spec }) => spec.name))
  const isComplete = run.configured.every(name => seen.has(name))
  const [{ problems }, unheard] = await Promise.all([
    notifyAfterRun(
      state,
      run,
      { notifiers: notify, ...options, ...(recollection && { recollection }) },
      runtime,
    ),
    heartbeat === undefined || !isComplete
      ? undefined
      : sendHeartbeat({ url: heartbeat, ...pulseOf(run.results) }, options, runtime),
  ])
  return unheard === undefined ? problems : [...problems, unheard]
}

/** How a run went: `3 certificates: 1 issued, 1 unchanged, 1 failed`, and a line for each that failed. */
function pulseOf(results: readonly RunResult[]): { readonly ok: boolean; readonly text: string } {
  const counts = new Map<string, number>()
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const outcomes = [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
  const failures = results.filter(result => !isGood(result) && result.error !== undefined)
  const lines = failures.map(({ spec, error }) => `${spec.name}: ${error?.message ?? ''}`)
  const summary = `${results.length} certificate${results.length === 1 ? '' : 's'}${outcomes === '' ? '' : `: ${outcomes}`}`
  return { ok: failures.length === 0, text: [summary, ...lines].join('\n') }
}
