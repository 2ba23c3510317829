/** What the daemon of a state directory is doing, for people and for programs. */
import { isAppError } from '../base/errors.ts'
import { type DaemonStatus, daemonStatus, daemonStatusJson } from '../daemon/status.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { errorJson, failureLines } from './error-text.ts'
import { whenText } from './text.ts'

export type DescribedDaemon = { readonly text: string; readonly json: unknown }

/** Asks the daemon, if one runs; that it does not answer as it should is part of the description. */
export async function describeDaemon(
  state: string,
  runtime: Pick<Runtime, 'clock' | 'localHttp'>,
): Promise<DescribedDaemon> {
  try {
    const status = await daemonStatus(state, runtime)
    if (status === undefined) return { text: 'daemon: none runs here\n', json: { running: false } }
    return { text: daemonText(status, runtime), json: { running: true, ...daemonStatusJson(status) } }
  } catch (error) {
    if (!isAppError(error)) throw error
    const text = `daemon: ${failureLines(error).join('\n  ')}\n`
    return { text, json: { running: true, error: errorJson(error) } }
  }
}

function daemonText(status: DaemonStatus, { clock }: Pick<Runtime, 'clock'>): string {
  const now = clock.now()
  const { since, phase, nextLookAt, lastLook, configuration, metricsError } = status
  const doing = phase === 'waiting' ? '' : `, ${phase}`
  const next = nextLookAt === undefined ? '' : `, next look ${whenText(nextLookAt, now)}`
  const troubles = [lastLook?.error, configuration.error, metricsError].flatMap(trouble => trouble ?? [])
  return [
    `daemon: running since ${whenText(since, now)}${doing}${next}`,
    ...troubles.flatMap(trouble => failureLines(trouble).map(line => `  ${line}`)),
    '',
  ].join('\n')
}
