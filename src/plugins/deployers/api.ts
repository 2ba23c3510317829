/** Requests to services that keep certificates: told apart by their answers, and never a token in an error. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { withoutSecrets } from '../../base/redact.ts'
import type { HttpReply, HttpRequest } from '../../runtime/http.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** Answers say why in their first words. */
const maxShownAnswer = 300
/** A secret is at most 1 MiB in Kubernetes, and in Vault. */
const maxBodyBytes = 2 * 1024 * 1024

/** A service, and how it is asked. */
export type Api = {
  /** For people: `kubernetes at https://10.0.0.1:443`. */
  readonly service: string
  readonly headers: Readonly<Record<string, string>>
  readonly trustPem: string | undefined
  /** What must not be shown. */
  readonly secrets: readonly string[]
}

export type ApiReply = { readonly status: number; readonly json: unknown; readonly text: string }

/**
 * Sends a request; any status is a result.
 * @throws AppError ERR_DEPLOY, ERR_ABORTED
 */
export async function askApi(
  { service, headers, trustPem, secrets }: Api,
  url: string,
  request: Pick<HttpRequest, 'method' | 'body' | 'headers' | 'signal'>,
  { http }: Pick<Runtime, 'http'>,
): Promise<ApiReply> {
  const shown = (text: string) => printable(withoutSecrets(text, secrets))
  const all = { 'user-agent': 'certwright', accept: 'application/json', ...headers, ...request.headers }
  if (Object.values(all).some(value => /[^\t -~]/.test(value))) {
    throw new AppError('ERR_DEPLOY', `the token for ${service} has characters that no token has`, {
      hint: 'see what is at the place that the configuration refers to',
    })
  }
  let reply: HttpReply
  try {
    reply = await http(url, { ...request, headers: all, trustPem, maxBodyBytes })
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    const hint = error.hint === undefined ? undefined : shown(error.hint)
    const { lasting } = error
    throw new AppError('ERR_DEPLOY', `${service}: ${shown(messageOf(error))}`, { hint, lasting })
  }
  const text = new TextDecoder().decode(reply.body)
  return { status: reply.status, json: parse(text), text: shown(text.trim().slice(0, maxShownAnswer)) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // a proxy in between may answer anything
  }
}

/** An answer that is not the one that was hoped for. */
export function refusal(
  { service, secrets }: Api,
  what: string,
  { status, text }: ApiReply,
  { said = '', hint }: { readonly said?: string | undefined; readonly hint: string },
): AppError {
  const why = printable(withoutSecrets(said === '' ? text : said, secrets), maxShownAnswer)
  return new AppError(
    'ERR_DEPLOY',
    `${service}: cannot ${what}: answer ${status}${why === '' ? '' : `: ${why}`}`,
    // A service that is in trouble, busy or in the middle of something else may do it the next time.
    { hint, lasting: status < 500 && ![400, 408, 409, 429].includes(status) },
  )
}

/** A member of something that was parsed. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name] // which it has
    : undefined
}
