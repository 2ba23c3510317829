/** The directory of a CA, kept in memory for hours (RFC 8555 §7.1.1). */
import { type Directory, parseDirectory } from '../acme/directory.ts'
import { parseHttpDate } from '../acme/retry-after.ts'
import type { Url } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { hourMs, minuteMs, secondMs } from '../base/instant.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Authority, foreignUrl, isOwnUrl } from './authority.ts'
import { invalidReply, type Reply, readLocation, readObject } from './reply.ts'

/** Members of the directory that are asked by name. */
export type ResourceName = 'newNonce' | 'newAccount' | 'newOrder' | 'revokeCert' | 'keyChange' | 'renewalInfo'

const resourceNames: readonly ResourceName[] = [
  'newNonce',
  'newAccount',
  'newOrder',
  'revokeCert',
  'keyChange',
  'renewalInfo',
]

/** CAs change their directories rarely and keep old URLs alive for long. */
const directoryLifetimeMs = 6 * hourMs
/** A directory younger than this is not fetched again because a URL of it was not found. */
const minRefreshAgeMs = minuteMs
const maxRedirects = 3

/** Gets one URL; errors of any kind are thrown, redirects are replies. */
export type GetDirectory = (url: Url, options: { readonly signal: AbortSignal }) => Promise<Reply>

export type DirectoryCache = {
  readonly read: (options: { readonly signal: AbortSignal }) => Promise<Directory>
  /** The directory, fetched again unless that was just done. */
  readonly refresh: (options: { readonly signal: AbortSignal }) => Promise<Directory>
  /** How far the CA's clock is ahead of ours, in milliseconds, by the reply that the directory came with. */
  readonly clockAheadMs: (options: { readonly signal: AbortSignal }) => Promise<number | undefined>
}

type Known = {
  readonly directory: Directory
  readonly at: number
  readonly clockAheadMs: number | undefined
}

/** A directory that is fetched on first use, and again after six hours. */
export function createDirectoryCache(
  authority: Authority,
  get: GetDirectory,
  { monotonic }: Pick<Clock, 'monotonic'>,
): DirectoryCache {
  let known: Known | undefined
  const youngerThan = async (maxAgeMs: number, signal: AbortSignal): Promise<Known> => {
    if (known !== undefined && monotonic() - known.at < maxAgeMs) return known
    const reply = await getRedirected(authority, get, signal)
    known = { directory: readDirectory(reply), at: monotonic(), clockAheadMs: clockAhead(reply) }
    return known
  }
  return {
    read: async ({ signal }) => (await youngerThan(directoryLifetimeMs, signal)).directory,
    refresh: async ({ signal }) => (await youngerThan(minRefreshAgeMs, signal)).directory,
    clockAheadMs: async ({ signal }) => (await youngerThan(directoryLifetimeMs, signal)).clockAheadMs,
  }
}

// A cache on the way says for how long it has kept the reply (RFC 9111 §5.1).
function clockAhead({ headers, receivedAt }: Reply): number | undefined {
  const date = parseHttpDate(headers.get('date') ?? '')
  const age = headers.get('age') ?? '0'
  if (date === undefined || !/^\d{1,9}$/.test(age)) return undefined
  return date + Number(age) * secondMs - receivedAt
}

/** The only request whose redirects are followed, and only within the origin. */
async function getRedirected(authority: Authority, get: GetDirectory, signal: AbortSignal): Promise<Reply> {
  let url = authority.directory
  for (let followed = 0; ; followed += 1) {
    const reply = await get(url, { signal })
    if (reply.status < 300) return reply
    if (followed === maxRedirects) throw invalidReply(reply, `more than ${maxRedirects} redirects`)
    url = readLocation(reply)
  }
}

function readDirectory(reply: Reply): Directory {
  const directory = readObject(reply, parseDirectory)
  for (const name of resourceNames) {
    const url = directory[name]
    if (url !== undefined && !isOwnUrl(reply.authority, url)) {
      throw foreignUrl(
        reply.authority,
        `the directory of ${reply.authority.host} is not usable: ${name}`,
        url,
      )
    }
  }
  return directory
}

/**
 * The URL of a resource.
 * @throws AppError ERR_UNSUPPORTED where the CA does not have it
 */
export function resourceUrl({ host }: Authority, directory: Directory, name: ResourceName): Url {
  const url = directory[name]
  if (url === undefined) {
    throw new AppError('ERR_UNSUPPORTED', `${host} does not offer ${name}: its directory has no such entry`)
  }
  return url
}
