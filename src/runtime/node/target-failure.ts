/** Why a copy for a service cannot be written or put back, in words. */
import { AppError, isAppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { WalkFailures } from './rooted-walk.ts'

type Reason = { readonly text: string; readonly hint: string }

const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: { text: 'there is no such directory', hint: 'create it, or correct the path in the configuration' },
  ENOTDIR: {
    text: 'what should be a directory is none',
    hint: 'correct the path in the configuration, or move away what is there',
  },
  ELOOP: {
    text: 'there is a symbolic link in its way that was not there before',
    hint: 'see who can write to the directories on its way',
  },
  EACCES: { text: 'this user may not write there', hint: 'run as root, or as the owner of the directory' },
  EPERM: {
    text: 'this user may not do that',
    hint: 'only root can give files to others: run as root, or leave owner and group out',
  },
  EROFS: {
    text: 'its file system is read-only',
    hint: "choose a directory that can be written; for Certwright's systemd units it may be read-only alone: systemctl edit, ReadWritePaths=",
  },
  ENOSPC: { text: 'its disk is full', hint: 'free some disk space and run the command again' },
  EDQUOT: { text: 'the disk quota is used up', hint: 'make room, or have the quota raised' },
}

/** The ERR_DEPLOY for a system error at a path; one that says enough already stays as it is. */
export function targetFailure(cause: unknown, path: string, what = 'cannot write'): AppError {
  if (isAppError(cause)) return cause
  const reason = reasons[systemCodeOf(cause) ?? '']
  const text = `${what} ${printable(path)}: ${reason?.text ?? printable(messageOf(cause))}`
  const hint = reason?.hint ?? 'look at the disk and its file system'
  return new AppError('ERR_DEPLOY', text, { hint, cause })
}

/** For what stands where a file or a directory of ours should be. */
export function inTheWay(path: string, what: string, hint: string): AppError {
  return new AppError('ERR_DEPLOY', `cannot write ${printable(path)}: ${what}`, { hint })
}

/** For the walk to the directory of a copy. */
export const targetWalkFailures: WalkFailures = {
  unusable: (cause, { path }) => targetFailure(cause, path, 'cannot enter'),
  replaced: path =>
    inTheWay(
      path,
      'it was replaced while copies were being written',
      'see who can write to the directories on its way',
    ),
}
