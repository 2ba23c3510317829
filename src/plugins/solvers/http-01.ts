/** What every http-01 solver has to know (RFC 8555 §8.3). */
import { tokenPattern } from '../../acme/challenge.ts'
import { type Identifier, isWildcard } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import { describeIssues, parseWith, v } from '../../base/schema.ts'
import type { Provision } from '../../contracts/solver.ts'

/** Directories of the challenge files below a webroot. */
export const challengeDirectories = ['.well-known', 'acme-challenge'] as const

/** Where CAs look, wherever the server listens. */
export const publicHttpPort = 80

/** A token, which becomes part of a path and of a URL. */
export const tokenSchema = v.pipe(v.string(), v.regex(tokenPattern, 'is not a challenge token'))

/** The path at which the CA looks. */
export function challengePath(token: string): string {
  return `/${challengeDirectories.join('/')}/${token}`
}

/** The URL at which the CA looks. */
export function challengeUrl({ value }: Identifier, token: string, port: number): string {
  const host = value.includes(':') ? `[${value}]` : value
  return `http://${host}${port === publicHttpPort ? '' : `:${port}`}${challengePath(token)}`
}

/** Why http-01 cannot serve an identifier. */
export function refusalByHttp(identifier: Identifier): string | undefined {
  if (!isWildcard(identifier)) return undefined
  return (
    'http-01 cannot prove control over a wildcard, only dns-01 can; ' +
    'put the names that are needed into the certificate one by one'
  )
}

/**
 * Reads a provision that may come from a journal on disk.
 * @throws AppError ERR_FORMAT
 */
export function readProvision<T>(schema: v.GenericSchema<unknown, T>, provision: Provision): T {
  const parsed = parseWith(schema, provision)
  if (parsed.ok) return parsed.value
  throw new AppError('ERR_FORMAT', `not a provision of this solver: ${describeIssues(parsed.issues)}`)
}
