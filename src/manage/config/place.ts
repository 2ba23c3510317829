/** Where the configuration lies. */
import { AppError, messageOf } from '../../base/errors.ts'
import type { FileFacts } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** The main file and the folder of drop-ins beside it. */
export type ConfigPlace = {
  readonly file: string
  readonly dropIns: string
  /** The usual place may be empty; where one was named, a typing mistake must not mean "nothing to do". */
  readonly mustExist?: boolean
}

/**
 * The main file first, then the drop-ins by name.
 * @throws AppError ERR_CONFIG_READ
 */
export async function configFiles(
  place: ConfigPlace,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly string[]> {
  if (place.mustExist === true && (await configFacts(place.file, { files })) === undefined) {
    throw new AppError('ERR_CONFIG_READ', `there is no configuration file ${place.file}`, {
      hint: 'check the path given with --config; an empty file is enough to begin with',
    })
  }
  const names = await files.list(place.dropIns).catch(error => {
    throw new AppError('ERR_CONFIG_READ', `cannot list ${place.dropIns}: ${messageOf(error)}`, {
      cause: error,
      hint: 'this is the directory of the drop-ins, beside the configuration file; see what is there',
    })
  })
  const dropIns = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  return [place.file, ...dropIns.map(name => `${place.dropIns}/${name}`)]
}

/**
 * What is at a path of the configuration, or `undefined`.
 * @throws AppError ERR_CONFIG_READ
 */
export function configFacts(path: string, { files }: Pick<Runtime, 'files'>): Promise<FileFacts | undefined> {
  return files.facts(path).catch(error => {
    throw new AppError('ERR_CONFIG_READ', `cannot look at ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'check the path and its permissions, or run as the user that owns it',
    })
  })
}
