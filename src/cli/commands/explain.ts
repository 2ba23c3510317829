/** `certwright explain NAME`: what happened, what is, what comes next and when. */

import { isAppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import { explainCertificate } from '../../manage/explain/explain.ts'
import { observeSights } from '../../manage/explain/observe-sights.ts'
import type { Sight, Timeline, TimelineEntry } from '../../manage/explain/timeline.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { readHistory } from '../../manage/store/history.ts'
import type { StoredCertificate } from '../../manage/store/stored-certificate.ts'
import { terminalColumns } from '../../runtime/node/standard-output.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { describeDaemon } from '../daemon-text.ts'
import { errorJson, failureLines } from '../error-text.ts'
import { explainText, type PictureStyle } from '../explain-text.ts'
import { findStored } from '../stored.ts'
import { createWorkbench, loadCommandConfig } from '../workbench.ts'
import { type Health, health } from './status.ts'

/** Where there is no terminal, lines are not broken. */
const unlimited = 1_000

/** Prints the timeline of one certificate; changes nothing, and asks its endpoints, not the CA. */
export async function explain(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const { state, signal, globals } = context
  const name = await findStored(context, args[0] ?? '')
  const config = await loadCommandConfig(context)
  await using bench = createWorkbench(context, config)
  const { runtime, deployerFor } = bench
  const spec = config.certificates.find(one => one.name === name)
  const plan = spec && (await bench.manager.plan({ only: [name], signal }))
  const view = await observeCertificate(state, name, runtime)
  const history = await readHistory(state, name, runtime).catch((error: unknown) => {
    if (isAppError(error, 'ERR_STORE_CORRUPT')) return [] // the rest is told all the same
    throw error
  })
  const sights = await observeSights(state, { spec, view }, { deployerFor, signal }, runtime)
  const action = plan?.actions[0]
  const now = runtime.clock.now()
  const timeline = explainCertificate({ spec, action, view, history, sights, timeZone: config.timeZone }, now)
  const refusal = plan?.refusals[0]?.error
  const refused = refusal === undefined ? [] : ['', ...failureLines(refusal)]
  const word = health(view, now)
  const daemon = await describeDaemon(state, runtime)
  const text = explainText(timeline, word, pictureStyle(globals.color, runtime)).trimEnd()
  return {
    exitCode: exitCodes.done,
    text: `${[text, ...refused, '', daemon.text.trimEnd()].join('\n')}\n`,
    json: {
      ...timelineJson(timeline, word),
      ...(refusal !== undefined && { refused: errorJson(refusal) }),
      daemon: daemon.json,
    },
  }
}

function pictureStyle(color: boolean, { environment }: Pick<Runtime, 'environment'>): PictureStyle {
  const columns = terminalColumns()
  const locale = environment('LC_ALL') || environment('LC_CTYPE') || environment('LANG') || ''
  return {
    color,
    unicode: columns !== undefined && /utf-?8/i.test(locale),
    columns: columns ?? unlimited,
  }
}

function timelineJson(timeline: Timeline, state: Health): Record<string, unknown> {
  const { name, now, certificate, past, action, sights, future, next } = timeline
  return {
    name,
    at: formatInstant(now),
    state,
    ...(certificate !== undefined && { certificate: certificateJson(certificate) }),
    past: past.map(entryJson),
    ...(action !== undefined && {
      action: action.kind,
      reason: action.reason,
      ...(action.kind === 'wait' && { until: formatInstant(action.until) }),
    }),
    deployments: sights.map(sight => sightJson(sight, certificate?.fingerprint)),
    future: future.map(entryJson),
    next: { text: next.text, ...(next.at !== undefined && { at: formatInstant(next.at) }) },
  }
}

function certificateJson(certificate: StoredCertificate): Record<string, unknown> {
  const { generation, fingerprint, authority, notBefore, notAfter } = certificate
  return {
    generation,
    fingerprint,
    authority: authority.id,
    notBefore: formatInstant(notBefore),
    notAfter: formatInstant(notAfter),
  }
}

function entryJson({ at, lastAt, ...rest }: TimelineEntry): Record<string, unknown> {
  return {
    at: formatInstant(at),
    ...rest,
    ...(lastAt !== undefined && { lastAt: formatInstant(lastAt) }),
  }
}

function sightJson(
  { target, generation, at, endpoints, failure }: Sight,
  own: string | undefined,
): Record<string, unknown> {
  return {
    target,
    ...(generation !== undefined && { generation }),
    ...(at !== undefined && { at: formatInstant(at) }),
    endpoints: endpoints.map(({ endpoint, ...seen }) => ({
      ...endpoint,
      ...seen,
      served: seen.fingerprint !== undefined && seen.fingerprint === own,
    })),
    ...(failure !== undefined && {
      failure: {
        message: failure.message,
        ...(failure.hint !== undefined && { hint: failure.hint }),
      },
    }),
  }
}
