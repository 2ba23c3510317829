/** Where the configuration lies. */
import { AppError, messageOf } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** The main file and the folder of drop-ins beside it. */
export type ConfigPlace = { readonly file: string; readonly dropIns: string }

/**
 * The main file first (it may be missing), then the drop-ins by name.
 * @throws AppError ERR_CONFIG_READ
 */
export async function configFiles(
  place: ConfigPlace,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly string[]> {
  const names = await files.list(place.dropIns).catch(error => {
    throw new AppError('ERR_CONFIG_READ', `cannot list ${place.dropIns}: ${messageOf(error)}`, {
      cause: error,
      hint: 'this is the directory of the drop-ins, beside the configuration file; see what is there',
    })
  })
  const dropIns = names.filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.'))
  return [place.file, ...dropIns.map(name => `${place.dropIns}/${name}`)]
}
