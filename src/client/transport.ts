/**
 * Requests to a CA (RFC 8555 §6): resource → retries → nonce → signature → HTTP → reply, each a small function.
 *
 * An effect is never sent twice blindly: where its reply is lost, ERR_REPLY_LOST tells the caller to ask first.
 */
import type { Directory } from '../acme/directory.ts'
import { AcmeProblemError, isProblem } from '../acme/problem.ts'
import type { Url } from '../acme/wire.ts'
import { AppError, isAppError, messageOf } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { signJws } from '../jose/jws.ts'
import type { HttpRequest } from '../runtime/http.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Signer } from '../x509/key.ts'
import { type Authority, foreignUrl, isOwnUrl } from './authority.ts'
import { createDirectoryCache, type ResourceName, resourceUrl } from './directory.ts'
import { createNoncePool, parseNonce } from './nonces.ts'
import { exchangeFailure, lostReply, problemOf, refusal } from './refusal.ts'
import { invalidReply, maxJsonBytes, type Reply } from './reply.ts'
import { withRetries } from './retries.ts'

/** Refused nonces in a row for one request; a CA that refuses half of all good ones passes this once in 2000 times. */
const maxBadNonces = 10

/** The last argument of everything that waits. */
export type RequestOptions = { readonly signal: AbortSignal }

/** Where a request goes: to a URL from a reply, or to a resource of the directory. */
export type Target = Url | { readonly resource: ResourceName }

/** A GET without signature. */
export type PlainRequest = {
  /** What is asked, as an infinitive for messages: `read renewal information`. */
  readonly task: string
  readonly url: Url
}

/** A POST. */
export type SignedRequest = {
  /** What is asked, as an infinitive for messages: `finalize the order for www.example.com`. */
  readonly task: string
  readonly target: Target
  readonly signer: Signer
  /** The account URL; without it the request carries the public key. */
  readonly kid?: Url
  /** Makes the payload for the URL that is asked; without it the request is a POST-as-GET (§6.3). */
  readonly payload?: (url: Url) => unknown
  /** Whether sending it twice does no harm; a POST-as-GET never does. */
  readonly repeatable?: boolean
  readonly accept?: string
  readonly maxBodyBytes?: number
}

/** Sends requests to one CA; replies are successes (2xx), everything else is thrown. */
export type Transport = {
  readonly authority: Authority
  /** The directory, from memory where it is there. */
  readonly directory: (options: RequestOptions) => Promise<Directory>
  /** How far the CA's clock is ahead of ours, in milliseconds; `undefined` where it does not say. */
  readonly clockAheadMs: (options: RequestOptions) => Promise<number | undefined>
  readonly get: (request: PlainRequest, options: RequestOptions) => Promise<Reply>
  readonly post: (request: SignedRequest, options: RequestOptions) => Promise<Reply>
}

export type TransportOptions = {
  readonly authority: Authority
  /** PEM of the only roots to trust. */
  readonly trustPem: string | undefined
  /** The User-Agent field. */
  readonly userAgent: string
  /** Languages for error texts, as an Accept-Language field. */
  readonly acceptLanguage: string
  readonly log: Logger
}

/** One HTTP request before it is complete. */
type Outgoing = {
  readonly method: HttpRequest['method']
  readonly task: string
  readonly effect: boolean
  readonly accept?: string | undefined
  readonly body?: string | undefined
  readonly maxBodyBytes?: number | undefined
}

/** A transport with an empty nonce pool; it sends nothing before it is used. */
export function createTransport(
  { authority, trustPem, userAgent, acceptLanguage, log }: TransportOptions,
  { clock, random, http }: Pick<Runtime, 'clock' | 'random' | 'http'>,
): Transport {
  const { host } = authority
  const nonces = createNoncePool(clock)
  const cache = createDirectoryCache(authority, getDirectory, clock)

  async function send(url: Url, request: Outgoing, { signal }: RequestOptions): Promise<Reply> {
    const { method, task, body, accept = 'application/json', maxBodyBytes = maxJsonBytes } = request
    if (!isOwnUrl(authority, url)) throw foreignUrl(authority, `nothing is sent to ${task}:`, url)
    const begin = clock.monotonic()
    const headers = {
      'user-agent': userAgent,
      'accept-language': acceptLanguage,
      accept: `${accept}, application/problem+json`,
      ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
    }
    try {
      const reply = await http(url, { method, headers, body, trustPem, maxBodyBytes, signal })
      const ms = Math.round(clock.monotonic() - begin)
      log('debug', 'acme-request', { ca: host, task, method, status: reply.status, ms })
      return { ...reply, authority, task, url, receivedAt: clock.now() }
    } catch (error) {
      throw exchangeFailure(error, { authority, ...request })
    }
  }

  async function persistently<T>(
    attempt: () => Promise<T>,
    { task, repeatable }: { readonly task: string; readonly repeatable: boolean },
    { signal }: RequestOptions,
  ): Promise<T> {
    const onRetry = (error: unknown, pauseMs: number) =>
      log('warn', 'acme-retry', { ca: host, task, reason: messageOf(error), pauseMs: Math.round(pauseMs) })
    try {
      return await withRetries(attempt, { repeatable, onRetry, signal }, { clock, random })
    } catch (error) {
      if (!signal.aborted || isAppError(error)) throw error
      throw new AppError('ERR_ABORTED', `asking ${host} to ${task} was cancelled`, { cause: error })
    }
  }

  async function getDirectory(url: Url, options: RequestOptions): Promise<Reply> {
    const request = { method: 'GET', task: 'send its directory', effect: false } as const
    const attempt = async () => requireUsable(await send(url, request, options), redirectStatuses)
    return persistently(attempt, { ...request, repeatable: true }, options)
  }

  /** Asks a resource of the directory, and once more where the directory now has another URL for it (404). */
  async function atTarget(
    target: Target,
    ask: (url: Url) => Promise<Reply>,
    options: RequestOptions,
  ): Promise<Reply> {
    if (typeof target === 'string') return ask(target)
    const url = resourceUrl(authority, await cache.read(options), target.resource)
    try {
      return await ask(url)
    } catch (error) {
      if (!(error instanceof AcmeProblemError) || error.problem.status !== 404) throw error
      const moved = resourceUrl(authority, await cache.refresh(options), target.resource)
      if (moved === url) throw error
      log('info', 'acme-directory-changed', { ca: host, resource: target.resource })
      return ask(moved)
    }
  }

  async function askNonce(options: RequestOptions): Promise<string> {
    const request = { method: 'HEAD', task: 'send a nonce', effect: false } as const
    const ask = async (url: Url) => requireUsable(await send(url, request, options))
    const reply = await atTarget({ resource: 'newNonce' }, ask, options)
    const nonce = parseNonce(reply.headers.get('replay-nonce'))
    if (nonce === undefined) throw invalidReply(reply, 'no usable Replay-Nonce field')
    return nonce
  }

  const takeNonce = (options: RequestOptions) => nonces.take(() => askNonce(options), options)

  async function sendSigned(url: Url, request: SignedRequest, options: RequestOptions): Promise<Reply> {
    const { signer, kid, payload, repeatable = false } = request
    const effect = payload !== undefined
    let nonce = await takeNonce(options)
    for (let refused = 0; ; refused += 1) {
      const content = payload === undefined ? '' : await payload(url)
      const body = await signJws(content, { signer, url, nonce, kid })
      const reply = await send(url, { ...request, method: 'POST', effect, body }, options)
      const next = parseNonce(reply.headers.get('replay-nonce'))
      if (refused === maxBadNonces || !isProblem(problemOf(reply), 'badNonce')) {
        nonces.add(next)
        return requireKnownOutcome(reply, effect && !repeatable)
      }
      log('debug', 'acme-nonce-refused', { ca: host, task: request.task, refused: refused + 1 })
      // Only this nonce is sure to be known to the server that refused the other.
      nonce = next ?? (await takeNonce(options))
    }
  }

  return {
    authority,
    directory: cache.read,
    clockAheadMs: cache.clockAheadMs,
    get: (request, options) => {
      const outgoing = { ...request, method: 'GET', effect: false } as const
      const attempt = async () => requireUsable(await send(request.url, outgoing, options))
      return persistently(attempt, { ...request, repeatable: true }, options)
    },
    post: async (request, options) => {
      const { kid, target, task, payload, repeatable = payload === undefined } = request
      if (kid !== undefined && !isOwnUrl(authority, kid)) {
        throw new AppError('ERR_ACCOUNT', `the account ${kid} is of another CA than ${host}`)
      }
      if (typeof target !== 'string') await cache.read(options) // outside, so that its retries do not multiply
      const attempt = () => atTarget(target, url => sendSigned(url, request, options), options)
      return persistently(attempt, { task, repeatable }, options)
    },
  }
}

/** Redirects that a GET may follow. */
const redirectStatuses = [301, 302, 303, 307, 308]

function requireUsable(reply: Reply, alsoUsable: readonly number[] = []): Reply {
  const { status } = reply
  if ((status >= 200 && status < 300) || alsoUsable.includes(status)) return reply
  throw refusal(reply)
}

/** Statuses of a gateway that lost the answer of the CA behind it. */
const gatewayStatuses = [502, 504]

function requireKnownOutcome(reply: Reply, unsure: boolean): Reply {
  if (!unsure || !gatewayStatuses.includes(reply.status)) return requireUsable(reply)
  const { authority, task } = reply
  const error = refusal(reply)
  throw isAppError(error, 'ERR_RATE_LIMITED') ? error : lostReply(error, { host: authority.host, task })
}
