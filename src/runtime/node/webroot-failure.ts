/** Why a file below a webroot cannot be written or removed, in words. */
import { lstatSync } from 'node:fs'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'

/** Where it happened: the path people know, the one that was used, and whether it is the webroot itself. */
export type WebrootPlace = { readonly path: string; readonly location: string; readonly isRoot: boolean }

type Reason = { readonly text: string; readonly hint: string }

const reasons: Readonly<Record<string, Reason>> = {
  EACCES: {
    text: 'this user may not write or enter it',
    hint: 'give this user the right to it, or run as its owner',
  },
  EPERM: { text: 'this user may not change it', hint: 'give this user the right to it, or run as its owner' },
  EROFS: {
    text: 'its file system is read-only',
    hint: 'choose a webroot on a file system that can be written',
  },
  ENOSPC: { text: 'its disk is full', hint: 'make room on it' },
  EDQUOT: { text: 'the disk quota is used up', hint: 'make room, or have the quota raised' },
  EEXIST: { text: 'it exists already', hint: 'see who put it there; delete it if nobody needs it' },
}

const rootReasons: Readonly<Record<string, Reason>> = {
  ENOENT: { text: 'it does not exist', hint: 'create it, or correct the webroot in the configuration' },
  ENOTDIR: {
    text: 'it is not a directory',
    hint: 'the webroot is the directory that the web server serves as /',
  },
}

/** The ERR_WEBROOT for a system error. */
export function webrootFailure(cause: unknown, { path, location, isRoot }: WebrootPlace): AppError {
  const code = systemCodeOf(cause) ?? ''
  const what = isRoot ? `the webroot ${printable(path)} cannot be used` : `${printable(path)} cannot be used`
  const reason = (isRoot ? rootReasons[code] : nameReason(code, location)) ?? reasons[code]
  return new AppError('ERR_WEBROOT', `${what}: ${reason?.text ?? messageOf(cause)}`, {
    hint: reason?.hint ?? 'look at the disk and its file system',
    cause,
  })
}

/** The ERR_WEBROOT for a directory that became another one while it was in use. */
export function replacedFailure(path: string): AppError {
  return new AppError(
    'ERR_WEBROOT',
    `${printable(path)} was replaced while a challenge file was being written`,
    {
      hint: 'see who can write to the webroot; nobody but the web server and its owner should',
    },
  )
}

/** What a directory's place holds instead of it: systems answer alike for links and for other things. */
function nameReason(code: string, location: string): Reason | undefined {
  if (code !== 'ENOTDIR' && code !== 'ELOOP' && code !== 'EMLINK') return undefined
  if (lstatSync(location, { throwIfNoEntry: false })?.isSymbolicLink()) {
    return {
      text: 'it is a symbolic link, which below a webroot is never followed',
      hint: 'replace it by a directory, or configure the directory it leads to as the webroot',
    }
  }
  return { text: 'it is not a directory', hint: 'move away what is there' }
}
