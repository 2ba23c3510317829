/**
 * The dead-man alarm: a sign of life after each run. Whoever takes it raises the alarm when it stays away, also when this
 * machine, its clock or its cron are what failed.
 */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { secretsOfUrl, withoutSecrets } from '../../base/redact.ts'
import { readSecret, type UrlOrSecret } from '../../contracts/secret.ts'
import { isServiceUrl } from '../../contracts/service-url.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { within } from './within.ts'

const withinMs = 10 * secondMs
/** One lost packet must not look like a dead machine. */
const attempts = 2
const pauseMs = secondMs
/** Enough for the names that failed; services keep some kilobytes. */
const maxTextLength = 4_000

export type Heartbeat = {
  /** Who knows it can send signs of life, so it may be a secret. */
  readonly url: UrlOrSecret
  /** Whether the run went well; else `/fail` is put behind the path. */
  readonly ok: boolean
  /** What the service shows beside the sign. */
  readonly text: string
}

type HeartbeatRuntime = Pick<Runtime, 'clock' | 'environment' | 'exec' | 'files' | 'http'>

/**
 * Sends a sign of life, as healthchecks.io and those like it take it: POST to the URL, or to the URL with `/fail`.
 * @returns why it did not arrive (ERR_NOTIFY), without the URL; never throws, and takes at most 10 s
 */
export async function sendHeartbeat(
  { url: where, ok, text }: Heartbeat,
  { signal }: { readonly signal: AbortSignal },
  runtime: HeartbeatRuntime,
): Promise<AppError | undefined> {
  const secrets: string[] = []
  const late = () => new AppError('ERR_NOTIFY', `it was not taken within ${withinMs / secondMs} s`)
  try {
    await within({ ms: withinMs, late, signal }, runtime.clock, async stop => {
      const url = typeof where === 'string' ? where : await readSecret(where, runtime)
      secrets.push(...secretsOfUrl(url))
      if (!isServiceUrl(url)) {
        throw new AppError('ERR_CONFIG', 'what heartbeat: refers to is not an https URL')
      }
      await beat(ok ? url : failing(url), shown(text), stop, runtime)
    })
    return undefined
  } catch (error) {
    const hint =
      (isAppError(error) ? error.hint : undefined) ?? 'see that heartbeat: is right and the service is up'
    const what = printable(withoutSecrets(messageOf(error), secrets))
    return new AppError('ERR_NOTIFY', `the heartbeat was not taken: ${what}`, {
      hint: withoutSecrets(hint, secrets),
    })
  }
}

function shown(text: string): string {
  const lines = text.split('\n').map(line => printable(line))
  return lines.join('\n').slice(0, maxTextLength)
}

async function beat(
  url: string,
  body: string,
  signal: AbortSignal,
  { http, clock }: Pick<Runtime, 'http' | 'clock'>,
): Promise<void> {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'user-agent': 'certwright' }
  for (let attempt = 1; ; attempt++) {
    try {
      const { status } = await http(url, { method: 'POST', headers, body, signal })
      if (status >= 200 && status < 300) return
      throw new AppError('ERR_NOTIFY', `the service answered ${status}`)
    } catch (error) {
      if (attempt === attempts || signal.aborted || !isAppError(error)) throw error
    }
    await clock.sleep(pauseMs, signal)
  }
}

function failing(url: string): string {
  const target = new URL(url)
  target.pathname = `${target.pathname.replace(/\/+$/, '')}/fail`
  return target.href
}
