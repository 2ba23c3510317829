/** Copies that several targets want at the same path. Pure. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { FileCopy } from '../../runtime/target-files.ts'

/** What one target is going to be given. */
export type Taker = {
  /** Of the target. */
  readonly name: string
  readonly certificate: string
  readonly copies: readonly FileCopy[]
}

/**
 * Those that want another file at a path than somebody else does: the two certificates would be mixed there, and neither could be
 * put back. Several servers may read the very same file.
 */
export function conflictsOf<T extends Taker>(takers: readonly T[]): ReadonlyMap<T, AppError> {
  const wishes = takers.flatMap(taker => taker.copies.map(copy => ({ taker, copy })))
  const conflicts = new Map<T, AppError>()
  for (const [path, wanted] of Map.groupBy(wishes, ({ copy }) => copy.path)) {
    if (new Set(wanted.map(({ copy }) => wishOf(copy))).size === 1) continue
    const who = [...new Set(wanted.map(({ taker }) => `${taker.certificate} for ${taker.name}`))].join(', ')
    const error = new AppError(
      'ERR_DEPLOY',
      `several files are to be written to ${printable(path)}: ${who}`,
      {
        hint: 'have each certificate written to files of its own; where it is one certificate, with the same owner, group and mode',
      },
    )
    for (const { taker } of wanted) if (!conflicts.has(taker)) conflicts.set(taker, error)
  }
  return conflicts
}

function wishOf({ sha256, mode, uid, gid }: FileCopy): string {
  return JSON.stringify([sha256, mode, uid, gid])
}
