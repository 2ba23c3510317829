/** JSON from outside, without the ambiguity that `JSON.parse` lets pass. */
import { AppError, messageOf } from '../base/errors.ts'

// In valid JSON these are all the tokens that matter for nesting and for member names.
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * Parses UTF-8 JSON text that must be an object, and refuses objects with two members of one name at any depth:
 * RFC 7515 §4 forbids them, and two readers could see two different requests.
 * @throws AppError ERR_FORMAT
 */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const { text, value } = decodeJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('ERR_FORMAT', 'the JSON is not an object')
  }
  if (hasDuplicateMembers(text)) throw new AppError('ERR_FORMAT', 'the JSON has two members of one name')
  return value as Readonly<Record<string, unknown>> // checked above
}

function decodeJson(bytes: Uint8Array): { text: string; value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return { text, value }
  } catch (cause) {
    throw new AppError('ERR_FORMAT', `not JSON in UTF-8: ${messageOf(cause)}`, { cause })
  }
}

/** @param text - valid JSON */
function hasDuplicateMembers(text: string): boolean {
  const open: Set<string>[] = [] // names seen so far, of each object or array that we are in
  let last = ''
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const name: unknown = JSON.parse(last) // escapes: "a" and "\u0061" are one name
      const names = open.at(-1)
      if (names?.has(String(name))) return true
      names?.add(String(name))
    }
    last = token
  }
  return false
}
