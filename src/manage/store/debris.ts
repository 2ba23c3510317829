/** What processes left behind that were killed while they wrote or removed something. */
import { hourMs } from '../../base/instant.ts'
import { temporaryPrefix } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { storeStep } from './documents.ts'
import { accountsPath, certificatesPath } from './paths.ts'

/** No living process takes so long to write a file or to remove a directory. */
const certainlyDeadMs = hourMs

/**
 * Removes what has a temporary name and is so old that no living process is busy with it. That of a certificate's
 * generations is removed with its next generation: to look into the directory of each would take too long.
 * @throws AppError ERR_STORE
 */
export async function removeDebris(
  state: string,
  { clock, files }: Pick<Runtime, 'clock' | 'files'>,
): Promise<void> {
  const before = clock.now() - certainlyDeadMs
  for (const directory of await directoriesOf(state, files)) {
    const names = await storeStep(`list ${directory}`, () => files.list(directory))
    for (const name of names.filter(one => one.startsWith(temporaryPrefix))) {
      const path = `${directory}/${name}`
      const facts = await storeStep(`look at ${path}`, () => files.facts(path))
      if (facts !== undefined && facts.ctimeMs <= before)
        await storeStep(`remove ${path}`, () => files.remove(path))
    }
  }
}

/** Where files are written one by one: in the state directory, in the directories in it, and in those of the accounts. */
async function directoriesOf(state: string, files: Runtime['files']): Promise<readonly string[]> {
  const inState = (await below(state, files)).filter(path => path !== certificatesPath(state))
  return [state, ...inState, ...(await below(accountsPath(state), files))]
}

async function below(directory: string, files: Runtime['files']): Promise<readonly string[]> {
  const paths: string[] = []
  for (const name of await storeStep(`list ${directory}`, () => files.list(directory))) {
    const path = `${directory}/${name}`
    const facts = await storeStep(`look at ${path}`, () => files.facts(path))
    if (facts?.kind === 'directory' && !name.startsWith(temporaryPrefix)) paths.push(path)
  }
  return paths
}
