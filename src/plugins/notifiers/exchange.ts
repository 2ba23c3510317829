/** One request to a service that takes notifications; whatever comes of it, no secret gets into an error. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { secretsOfUrl, withoutSecrets } from '../../base/redact.ts'
import type { NotifierRuntime } from '../../contracts/notifier.ts'
import { readSecret, type UrlOrSecret } from '../../contracts/secret.ts'
import { isServiceUrl } from '../../contracts/service-url.ts'
import type { HttpReply } from '../../runtime/http.ts'

/** Answers say why in their first words; all of a page of HTML helps nobody. */
const maxShownAnswer = 200
const connectTimeoutMs = 5 * secondMs

export type ServiceRequest = {
  /** How people know the service, without anything secret: `slack`, `matrix at chat.example`. */
  readonly service: string
  readonly url: string
  readonly method?: 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body: string
  /** PEM file with the only roots to trust. */
  readonly trust?: string | undefined
  /** What must not be shown. */
  readonly secrets: readonly string[]
  readonly signal: AbortSignal
}

/**
 * Sends it and waits for the answer, which must be 2xx.
 * @throws AppError ERR_NOTIFY, ERR_ABORTED
 */
export async function sendToService(
  request: ServiceRequest,
  { http, files }: Pick<NotifierRuntime, 'http' | 'files'>,
): Promise<void> {
  const { service, url, method = 'POST', body, trust, secrets, signal } = request
  const shown = (text: string) => printable(withoutSecrets(text, secrets))
  const headers = { 'content-type': 'application/json', 'user-agent': 'certwright', ...request.headers }
  if (Object.values(headers).some(value => /[^\t -~]/.test(value))) {
    throw new AppError('ERR_NOTIFY', `the token for ${service} has characters that no token has`, {
      hint: 'see what is at the place that the configuration refers to',
    })
  }
  const trustPem = trust === undefined ? undefined : await readTrust(trust, { files })
  let reply: HttpReply
  try {
    reply = await http(url, { method, headers, body, trustPem, connectTimeoutMs, signal })
  } catch (error) {
    // Without the cause: its message may have the URL in it.
    if (!isAppError(error)) throw error
    const code = error.code === 'ERR_ABORTED' ? 'ERR_ABORTED' : 'ERR_NOTIFY'
    const hint = error.hint === undefined ? undefined : shown(error.hint)
    throw new AppError(code, `${service}: ${shown(messageOf(error))}`, { hint })
  }
  if (reply.status >= 200 && reply.status < 300) return
  const said = new TextDecoder().decode(reply.body).trim().replaceAll(/\s+/g, ' ')
  const answer = said === '' ? '' : `: ${shown(said).slice(0, maxShownAnswer)}`
  throw new AppError('ERR_NOTIFY', `${service} answered ${reply.status}${answer}`, {
    hint: hintFor(reply.status),
  })
}

/**
 * A URL from the configuration, read where it is a secret.
 * @returns the URL, and what of it must not be shown
 * @throws AppError ERR_CONFIG when a secret is no URL, and what `readSecret` throws
 */
export async function resolveUrl(
  url: UrlOrSecret,
  service: string,
  runtime: Pick<NotifierRuntime, 'environment' | 'exec' | 'files'>,
): Promise<{ readonly url: string; readonly secrets: readonly string[] }> {
  const resolved = typeof url === 'string' ? url : await readSecret(url, runtime)
  if (isServiceUrl(resolved)) return { url: resolved, secrets: secretsOfUrl(resolved) }
  throw new AppError(
    'ERR_CONFIG',
    `what the configuration refers to as the URL of ${service} is not an https URL`,
    {
      hint: 'put the whole URL there, from https:// on, and nothing else',
    },
  )
}

/**
 * PEM of trusted roots.
 * @throws AppError ERR_CONFIG_READ
 */
export async function readTrust(path: string, { files }: Pick<NotifierRuntime, 'files'>): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_CONFIG_READ', what, { cause, hint: 'trust: takes a PEM file with root certificates' })
  const content = await files.read(path).catch(error => {
    throw refuse(`cannot read the trusted roots in ${path}: ${messageOf(error)}`, error)
  })
  const text = content === undefined ? '' : new TextDecoder().decode(content)
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw refuse(
    content === undefined ? `there is no file ${path} with trusted roots` : `${path} holds no certificate`,
  )
}

function hintFor(status: number): string {
  if (status < 400) return 'it sends elsewhere, which is not followed: configure the URL that it leads to'
  if (status === 401 || status === 403) return 'see that the token is right and may be used for this'
  if (status === 404 || status === 410) return 'see that the URL is right and still exists'
  if (status === 429) return 'it takes no more for now; what was not sent is sent with the next run'
  if (status < 500) return 'see the options of this notifier in the configuration'
  return 'the service has trouble of its own; what was not sent is sent with the next run'
}
