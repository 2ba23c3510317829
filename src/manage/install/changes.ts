/** What an installation changes on the disk, from what is planned and from what was done before. Pure. */
import { sha256Hex } from '../../base/sha256.ts'
import { applyEdits, findEdits, type MadeEdit, madeEdits, takeBackEdits } from '../../base/text-edit.ts'
import type { InstallPlan } from '../../contracts/installer.ts'
import type { EditedFile, InstallRecord } from '../store/installs.ts'

/** One file before and after; `undefined` where there is none. */
export type FileChange = {
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** A file without the edits of a record. */
export type Restored = { readonly text: string; readonly lost: readonly MadeEdit[] }

/** Takes out of a file what a record says was put in. */
export function withoutRecordedEdits(
  path: string,
  text: string,
  record: Pick<InstallRecord, 'files'> | undefined,
): Restored {
  const entries = (record?.files ?? []).filter(file => file.path === path)
  const hash = sha256Hex(text)
  if (entries.length === 0 || entries.some(({ before }) => before === hash)) return { text, lost: [] }
  const exact = entries.find(({ after }) => after === hash)
  if (exact !== undefined) {
    const restored = takeBackEdits(text, exact.edits)
    if (sha256Hex(restored) === exact.before) return { text: restored, lost: [] }
  }
  const { edits, lost } = findEdits(text, entries[0]?.edits ?? [])
  return { text: applyEdits(text, edits), lost }
}

/** The edited files of a plan, as the next run finds them. */
export function editedFiles({ files }: Pick<InstallPlan, 'files'>): readonly EditedFile[] {
  return files
    .filter(({ edits }) => edits.length > 0)
    .map(({ path, base, edits }) => ({
      path,
      before: sha256Hex(base),
      after: sha256Hex(applyEdits(base, edits)),
      edits: madeEdits(base, edits),
    }))
}

/**
 * All that is different after an installation.
 * @param present - what lies at the paths of own files and of files that only the record knows; a missing one is `undefined`
 */
export function changesOf(
  plan: Pick<InstallPlan, 'files' | 'ownFiles'>,
  record: InstallRecord | undefined,
  present: ReadonlyMap<string, string | undefined>,
): readonly FileChange[] {
  const own = plan.ownFiles.map(({ path, text }) => ({ path, before: present.get(path), after: text }))
  const edited = plan.files.map(({ path, current, base, edits }) => ({
    path,
    before: current,
    after: applyEdits(base, edits),
  }))
  const planned = new Set([...own, ...edited].map(({ path }) => path))
  const restored = [...new Set((record?.files ?? []).map(({ path }) => path))]
    .filter(path => !planned.has(path))
    .flatMap((path): readonly FileChange[] => {
      const before = present.get(path)
      if (before === undefined) return [] // somebody has deleted it
      return [{ path, before, after: withoutRecordedEdits(path, before, record).text }]
    })
  const removed = (record?.ownFiles ?? [])
    .filter(path => !planned.has(path))
    .map((path): FileChange => ({ path, before: present.get(path), after: undefined }))
  return [...own, ...edited, ...restored, ...removed].filter(({ before, after }) => before !== after)
}

/** Paths that {@link changesOf} has to know the present text of. */
export function pathsToRead(
  plan: Pick<InstallPlan, 'files' | 'ownFiles'>,
  record: InstallRecord | undefined,
): ReadonlySet<string> {
  const recorded = [...(record?.files ?? []).map(({ path }) => path), ...(record?.ownFiles ?? [])]
  return new Set([...plan.ownFiles.map(({ path }) => path), ...recorded])
}
