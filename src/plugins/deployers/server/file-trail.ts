/** Where a path leads, link by link. */
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { FsOps } from '../../../runtime/files.ts'

/** The way of a path through symbolic links. */
export type Trail = {
  /** Where it ends, free of links; where it leaves what exists, the rest is as written. */
  readonly end: string
  /** If the way leads through the marked directory: what follows it, and `end` is that directory. */
  readonly below: string | undefined
}

/** The part of {@link FsOps} that is needed to follow links. */
export type LinkReader = { readonly files: Pick<FsOps, 'facts' | 'readLink'> }

const maxLinks = 40 // Linux: MAXSYMLINKS

/**
 * Follows `path` through symbolic links and tells whether the way leads through `directory`.
 *
 * That both end at the same file today is not enough: a path to what the link `live/<name>` points at now will be the
 * old file after the next switch.
 * @param directory - absolute; itself usually a symbolic link
 * @throws AppError ERR_DEPLOY when links go in a circle or may not be looked at
 */
export async function followPath(path: string, directory: string, reader: LinkReader): Promise<Trail> {
  const slash = directory.lastIndexOf('/')
  const parent = await walk(directory.slice(0, slash), undefined, reader)
  return await walk(path, `${parent.end}${directory.slice(slash)}`, reader)
}

/** Where `path` ends when every symbolic link is followed. */
export async function endOfPath(path: string, reader: LinkReader): Promise<string> {
  return (await walk(path, undefined, reader)).end
}

async function walk(path: string, mark: string | undefined, reader: LinkReader): Promise<Trail> {
  const rest = components(path) // the next component is the last one
  let end = ''
  let links = 0
  for (let component = rest.pop(); component !== undefined; component = rest.pop()) {
    if (component === '..') {
      end = end.slice(0, Math.max(end.lastIndexOf('/'), 0))
      continue
    }
    const next = `${end}/${component}`
    if (next === mark) return { end: next, below: rest.toReversed().join('/') }
    const target = await linkTarget(next, reader)
    if (target === undefined) {
      end = next
      continue
    }
    links += 1
    if (links > maxLinks) throw new AppError('ERR_DEPLOY', `${printable(path)} is a circle of symbolic links`)
    if (target.startsWith('/')) end = ''
    rest.push(...components(target))
  }
  return { end, below: undefined }
}

async function linkTarget(path: string, { files }: LinkReader): Promise<string | undefined> {
  try {
    return (await files.facts(path))?.kind === 'symlink' ? await files.readLink(path) : undefined
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOTDIR') return undefined // a file where a directory should be: no links below it
    throw new AppError('ERR_DEPLOY', `cannot look at ${printable(path)}: ${messageOf(cause)}`, {
      hint: 'run this as root, as the server is started',
      cause,
    })
  }
}

/** The components of a path, last one first. */
function components(path: string): string[] {
  return path
    .split('/')
    .filter(component => component !== '' && component !== '.')
    .reverse()
}
