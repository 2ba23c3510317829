/** The directory of a CA, kept in memory for hours (RFC 8555 §7.1.1). */
import { type Directory, parseDirectory } from '../acme/directory.ts'
import type { Url } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'
import { hourMs, minuteMs } from '../base/instant.ts'
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
}

/** A directory that is fetched on first use, and again after six hours. */
export function createDirectoryCache(
  authority: Authority,
  get: GetDirectory,
  { monotonic }: Pick<Clock, 'monotonic'>,
): DirectoryCache {
  let known: { readonly directory: Directory; readonly at: number } | undefined
  const youngerThan = async (maxAgeMs: number, signal: AbortSignal): Promise<Directory> => {
    if (known !== undefined && monotonic() - known.at < maxAgeMs) return known.directory
    const directory = readDirectory(await getRedirected(authority, get, signal))
    known = { directory, at: monotonic() }
    return directory
  }
  return {
    read: ({ signal }) => youngerThan(directoryLifetimeMs, signal),
    refresh: ({ signal }) => youngerThan(minRefreshAgeMs, signal),
  }
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
