/** URLs of services that are told about something. */
import { v } from '../base/schema.ts'
import { secretSchema } from './secret.ts'

/** So that a URL is never cut where it is looked for in a text to take it out. */
const maxUrlLength = 700

/** Whether a host of a URL is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(hostname)
}

/** Whether `text` is an https URL (http on loopback), without user information or fragment. */
export function isServiceUrl(text: string): boolean {
  if (text.length > maxUrlLength || !URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  const plain = protocol === 'http:' && isLoopback(hostname)
  return (protocol === 'https:' || plain) && username === '' && password === '' && hash === ''
}

/** Schema of such a URL. @internal */
export const serviceUrlSchema = v.pipe(
  v.string(),
  v.check(isServiceUrl, 'must be an https URL, without user and password in it (http only on loopback)'),
)

/** Schema of a URL that may be a secret: the URL, or where it is. @internal */
export const secretUrlSchema = v.union(
  [serviceUrlSchema, secretSchema],
  'must be an https URL, or a reference: { file: PATH }, { env: NAME } or { command: [PROGRAM, ...] }',
)
