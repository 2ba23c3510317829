/** Whether the copies that were made for servers are still what they were. */
import { messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { FileCopy } from '../../runtime/target-files.ts'
import type { Deployment } from '../store/deployments.ts'

/** A copy that is not what was written. */
export type ChangedCopy = {
  readonly target: string
  readonly path: string
  /** What is the matter, in words that follow the path. */
  readonly text: string
}

/** Looks at every copy of these deliveries: one stat and one hash for each. What cannot be read counts as changed. */
export async function changedCopies(
  deployments: readonly Deployment[],
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly ChangedCopy[]> {
  const changed: ChangedCopy[] = []
  for (const { target, copies = [] } of deployments) {
    for (const copy of copies) {
      const text = await describeChange(copy, { files })
      if (text !== undefined) changed.push({ target, path: copy.path, text })
    }
  }
  return changed
}

async function describeChange(
  { path, sha256, mode, uid, gid }: FileCopy,
  { files }: Pick<Runtime, 'files'>,
): Promise<string | undefined> {
  try {
    const facts = await files.facts(path)
    if (facts === undefined) return 'is not there any more'
    if (facts.kind !== 'file') return `is a ${facts.kind} now`
    if (facts.uid !== uid || facts.gid !== gid)
      return `belongs to ${facts.uid}:${facts.gid} now, instead of ${uid}:${gid}`
    if (facts.mode !== mode) return `has mode ${octal(facts.mode)} now, instead of ${octal(mode)}`
    const content = await files.read(path)
    return content !== undefined && sha256Hex(content) === sha256 ? undefined : 'has another content now'
  } catch (error) {
    return `cannot be read: ${printable(messageOf(error))}`
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
