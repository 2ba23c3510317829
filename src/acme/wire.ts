/** Pieces that the parsers of RFC 8555 objects share. */
import { AppError } from '../base/errors.ts'
import { type Instant, parseInstant } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import { describeIssues, parseWith, v } from '../base/schema.ts'

declare const urlBrand: unique symbol

/** An absolute http or https URL, character for character as it was received (RFC 8555 §6.4 compares strings). */
export type Url = string & { readonly [urlBrand]: true }

/** An object on its way out: members that are `undefined` are left out by JSON. */
export type WireObject = Readonly<Record<string, unknown>>

/** Longest URL that is accepted; RFC 9110 §4.1 recommends supporting 8000. */
const maxUrlLength = 8_000

/** Whether `text` is an absolute https URL, or an http one, without user information or fragment. */
export function isUrl(text: string): text is Url {
  if (text.length > maxUrlLength || !URL.canParse(text)) return false
  const { protocol, username, password, hash } = new URL(text)
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '' && hash === ''
}

/**
 * A {@link Url} from text.
 * @throws AppError ERR_FORMAT
 */
export function parseUrl(text: string): Url {
  if (!isUrl(text))
    throw new AppError('ERR_FORMAT', `"${printable(text, 200)}" is not an absolute http(s) URL`)
  return text
}

/** Schema of a {@link Url}. @internal */
export const urlSchema = v.pipe(
  v.string(),
  v.custom<Url>(text => typeof text === 'string' && isUrl(text), 'is not an absolute http(s) URL'),
)

/** Schema of an RFC 3339 time, read into an {@link Instant}. @internal */
export const instantSchema = v.pipe(
  v.string(),
  v.transform((text): Instant | undefined => parseInstant(text)),
  v.custom<Instant>(at => at !== undefined, 'is not an RFC 3339 time'),
)

/**
 * Checks a reply against a schema.
 * @param what - the object's name in the error, for example `order`
 * @throws AppError ERR_REPLY_INVALID
 * @internal
 */
export function parseObject<T>(what: string, schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const parsed = parseWith(schema, value)
  if (parsed.ok) return parsed.value
  throw new AppError(
    'ERR_REPLY_INVALID',
    `the CA sent ${what} that cannot be read: ${printable(describeIssues(parsed.issues))}`,
  )
}
