/** Directories of services in memory. */
import { posix } from 'node:path'
import { AppError } from '../base/errors.ts'
import { sha256Hex } from '../base/sha256.ts'
import type { FsOps } from '../runtime/files.ts'
import type { TargetFile, TargetFiles } from '../runtime/target-files.ts'

const aside = (path: string): string => posix.join(posix.dirname(path), `.old-${posix.basename(path)}`)

/** {@link TargetFiles} over other files of a test, which see what is written. Nobody owns anything there. */
export function memoryTargetFiles(files: FsOps): TargetFiles {
  const refuse = (path: string, what: string) =>
    new AppError('ERR_DEPLOY', `cannot write ${path}: ${what}`, { hint: 'correct the path' })
  const kindAt = async (path: string) => (await files.facts(path))?.kind

  const isAsWanted = async ({ path, content, mode }: TargetFile): Promise<boolean> => {
    if ((await kindAt(posix.dirname(path))) !== 'directory') throw refuse(path, 'there is no such directory')
    const facts = await files.facts(path)
    if (facts !== undefined && facts.kind !== 'file') throw refuse(path, `there is a ${facts.kind}`)
    return facts?.mode === mode && Buffer.from(content).equals((await files.read(path)) ?? new Uint8Array())
  }
  const putBack = async (path: string): Promise<void> => {
    const earlier = await files.read(aside(path))
    if (earlier === undefined) return files.remove(path)
    await files.replace(path, earlier, (await files.facts(aside(path)))?.mode ?? 0)
    await files.remove(aside(path))
  }

  return {
    prepare: async (wanted, { makeDirectory } = {}) => {
      if (makeDirectory !== undefined && (await kindAt(makeDirectory)) === undefined) {
        if ((await kindAt(posix.dirname(makeDirectory))) !== 'directory')
          throw refuse(makeDirectory, 'there is no such directory')
        await files.makeDirectory(makeDirectory, 0o755)
      }
      const changes: TargetFile[] = []
      const orphans: string[] = []
      let replaces = false
      for (const file of wanted) {
        const asWanted = await isAsWanted(file)
        replaces ||= (await kindAt(file.path)) !== undefined
        if (!asWanted) changes.push(file)
        else if ((await kindAt(aside(file.path))) === 'file') orphans.push(file.path)
      }
      const done: string[] = []
      return {
        copies: wanted.map(({ path, content, mode, uid = 0, gid = 0 }) => {
          return { path, sha256: sha256Hex(content), mode, uid, gid }
        }),
        changes: changes.length + orphans.length > 0,
        replaces,
        commit: async () => {
          for (const change of changes) {
            const { path, content, mode } = change
            if (await isAsWanted(change)) continue
            const earlier = await files.read(path)
            if (earlier === undefined) await files.remove(aside(path))
            else await files.replace(aside(path), earlier, (await files.facts(path))?.mode ?? 0)
            done.push(path)
            await files.replace(path, content, mode)
          }
        },
        undo: async () => {
          for (const path of done.reverse()) await putBack(path)
          for (const path of orphans) if ((await kindAt(aside(path))) === 'file') await putBack(path)
        },
        keep: async () => {
          for (const path of [...done, ...orphans]) await files.remove(aside(path))
        },
      }
    },
  }
}
