/** What a CA answered, and the checks that every part of it passes before it is used. */
import { parseRetryAfter } from '../acme/retry-after.ts'
import { isUrl, type Url } from '../acme/wire.ts'
import { AppError, isAppError, messageOf } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import type { HttpReply } from '../runtime/http.ts'
import { type Authority, foreignUrl, isOwnUrl } from './authority.ts'
import { parseLinks } from './link.ts'

/** A reply with what is needed to speak about it. */
export type Reply = HttpReply & {
  readonly authority: Authority
  /** What was asked for, as an infinitive: `read the order`. */
  readonly task: string
  readonly url: Url
  readonly receivedAt: Instant
}

/** Largest JSON of most resources; real ones have a few hundred bytes. */
export const maxJsonBytes = 64 * 1024
/** Deepest nesting of arrays and objects; RFC 8555 needs five. */
export const maxJsonDepth = 16

/** The media type in lower case, without parameters; empty text where the CA gave none. */
export function mediaTypeOf({ headers }: Pick<HttpReply, 'headers'>): string {
  return (headers.get('content-type') ?? '').split(';', 1).join().trim().toLowerCase()
}

function readJson(reply: Reply): unknown {
  if (mediaTypeOf(reply) !== 'application/json') throw unexpectedContent(reply, 'application/json')
  return parseJson(reply)
}

/**
 * The object in a reply.
 * @param parse - one of the parsers of `acme/`
 * @throws AppError ERR_REPLY_INVALID for another content type, for what is no JSON in UTF-8, for deep nesting, and for
 * what the parser does not take
 */
export function readObject<T>(reply: Reply, parse: (value: unknown) => T): T {
  const value = readJson(reply)
  try {
    return parse(value)
  } catch (error) {
    if (!isAppError(error, 'ERR_REPLY_INVALID')) throw error
    const { authority, task } = reply
    const message = `${authority.host} was asked to ${task}, but ${error.message}`
    throw new AppError('ERR_REPLY_INVALID', message, { cause: error, hint: noAcmeHint })
  }
}

/**
 * The JSON value of a reply, whatever its content type.
 * @throws AppError ERR_REPLY_INVALID
 */
export function parseJson(reply: Reply): unknown {
  const value = decodeJson(reply)
  if (!isShallow(value, maxJsonDepth)) throw invalidReply(reply, `JSON deeper than ${maxJsonDepth} levels`)
  return value
}

function decodeJson(reply: Reply): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(reply.body))
  } catch (cause) {
    throw invalidReply(reply, `what is no JSON (${printable(messageOf(cause), 200)})`, cause)
  }
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every(member => isShallow(member, levels - 1))
}

/**
 * The Location field, resolved against the URL that was asked; it is required where this is called.
 * @throws AppError ERR_REPLY_INVALID when it is missing, no URL, or not the CA's own
 */
export function readLocation(reply: Reply): Url {
  const field = reply.headers.get('location')
  if (field === undefined) {
    // A page says more about what is wrong than the field that it lacks.
    const isPage = !['', 'application/json'].includes(mediaTypeOf(reply))
    throw invalidReply(reply, isPage ? describeContent(reply) : 'no Location field')
  }
  const url = resolve(field, reply.url)
  if (url === undefined)
    throw invalidReply(reply, `a Location field that is no URL: "${printable(field, 200)}"`)
  return requireOwnUrl(reply, 'the Location', url)
}

/**
 * The targets of the links with a relation type, resolved, each once; empty where the Link field is malformed.
 * @throws AppError ERR_REPLY_INVALID when one is not the CA's own
 */
export function readLinks(reply: Reply, relation: string): readonly Url[] {
  return linkTargets(reply, relation).map(url => requireOwnUrl(reply, `the link "${relation}" to`, url))
}

/** The same without the check of the origin: for pages that a person may open, never for requests. */
export function linkTargets(reply: Reply, relation: string): readonly Url[] {
  const found = parseLinks(reply.headers.get('link') ?? '')
    .filter(({ relations }) => relations.includes(relation))
    .flatMap(({ target }) => resolve(target, reply.url) ?? [])
  return [...new Set(found)]
}

/** The time of the Retry-After field, between a second and a day from now. */
export function readRetryAt({ headers, receivedAt }: Reply): Instant | undefined {
  return parseRetryAfter(headers.get('retry-after'), receivedAt)
}

/**
 * Returns `url` if it has the origin of the directory.
 * @param what - for the message: `the finalize URL`
 * @throws AppError ERR_REPLY_INVALID
 */
export function requireOwnUrl({ authority, task }: Reply, what: string, url: Url): Url {
  if (isOwnUrl(authority, url)) return url
  throw foreignUrl(authority, `${authority.host} was asked to ${task} and answered badly: ${what}`, url)
}

/** What to do about a reply that no ACME server would send. */
export const noAcmeHint =
  'the CA, or something between it and this host, does not speak ACME; check the directory URL'

/** The error for an answer that the protocol does not allow: `ca.example was asked to … and sent …`. */
export function invalidReply({ authority, task }: Reply, what: string, cause?: unknown): AppError {
  return new AppError('ERR_REPLY_INVALID', `${authority.host} was asked to ${task} and sent ${what}`, {
    cause,
    hint: noAcmeHint,
  })
}

/** The error for another content type than the expected one. */
export function unexpectedContent(reply: Reply, expected: string): AppError {
  return invalidReply(reply, `${describeContent(reply)} in place of ${expected}`)
}

// Enough of a page to recognise which proxy or server made it.
const maxExcerptLength = 200

/** Status, content type and the beginning of the content: `HTTP 502, text/html: "<html>…"`. */
export function describeContent(reply: Pick<HttpReply, 'status' | 'headers' | 'body'>): string {
  const type = printable(mediaTypeOf(reply), 100) || 'no content type'
  // No more than is shown is decoded; a character has at most four bytes.
  const text = new TextDecoder().decode(reply.body.subarray(0, 4 * maxExcerptLength))
  const excerpt = printable(text.replace(/\s+/g, ' ').trim(), maxExcerptLength)
  return `HTTP ${reply.status}, ${type}${excerpt === '' ? ', empty' : `: "${excerpt}"`}`
}

function resolve(reference: string, base: Url): Url | undefined {
  if (!URL.canParse(reference, base)) return undefined
  // A URL that came whole stays as it came, character for character.
  const url = URL.canParse(reference) ? reference : new URL(reference, base).href
  return isUrl(url) ? url : undefined
}
