/** Webroots in memory. */
import { posix } from 'node:path'
import { AppError, isAppError, messageOf } from '../base/errors.ts'
import type { FsOps } from '../runtime/files.ts'
import type { RootedPath, WebrootFiles } from '../runtime/webroot-files.ts'

/** {@link WebrootFiles} over other files of a test, which see what is written. */
export function memoryWebroot(files: FsOps): WebrootFiles {
  const check = ({ components }: RootedPath): void => {
    const bad = components.find(name => ['', '.', '..'].includes(name) || /[/\0]/.test(name))
    if (bad === undefined && components.length > 0) return
    throw new AppError('ERR_WEBROOT', `${JSON.stringify(components)} is not a path below a webroot`)
  }
  const pathAt = ({ root, components }: RootedPath, count: number): string =>
    posix.join(root, ...components.slice(0, count))

  const directoryAt = async (path: RootedPath, count: number): Promise<boolean> => {
    const place = pathAt(path, count)
    const facts = await files.facts(place)
    if (facts === undefined && count > 0) return false
    if (facts?.kind === 'directory' || (count === 0 && facts?.kind === 'symlink')) return true
    throw new AppError('ERR_WEBROOT', `${place} cannot be used: it is ${facts?.kind ?? 'missing'}`)
  }
  const missingDirectories = async (path: RootedPath): Promise<readonly number[]> => {
    check(path)
    for (let count = 0; count < path.components.length; count += 1) {
      if (!(await directoryAt(path, count))) {
        return Array.from({ length: path.components.length - count }, (_, index) => count + index)
      }
    }
    return []
  }

  const orRefuse = async <T>(path: RootedPath, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (isAppError(error)) throw error
      const place = pathAt(path, path.components.length)
      throw new AppError('ERR_WEBROOT', `${place} cannot be used: ${messageOf(error)}`, {
        hint: 'look at the disk and its file system',
        cause: error,
      })
    }
  }

  return {
    missingDirectories: path => orRefuse(path, () => missingDirectories(path)),
    create: (path, content) =>
      orRefuse(path, async () => {
        for (const count of await missingDirectories(path))
          await files.makeDirectory(pathAt(path, count), 0o755)
        const file = pathAt(path, path.components.length)
        if (await files.facts(file))
          throw new AppError('ERR_WEBROOT', `${file} cannot be used: it exists already`)
        await files.writeNew(file, content, 0o644)
      }),
    remove: (path, content, directories) =>
      orRefuse(path, async () => {
        await missingDirectories(path)
        const file = pathAt(path, path.components.length)
        const facts = await files.facts(file)
        if (
          facts?.kind === 'file' &&
          content.startsWith(Buffer.from((await files.read(file)) ?? []).toString('utf8'))
        ) {
          await files.remove(file)
        }
        for (const count of [...directories].sort((one, other) => other - one)) {
          const directory = pathAt(path, count)
          if ((await files.list(directory)).length === 0) await files.remove(directory)
        }
      }),
  }
}
