/** Finding a certificate that may be configured, stored, or both. */
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { suggest } from '../base/suggest.ts'
import { readCachedNames } from '../manage/config/cache.ts'
import { parseSpecName, type SpecName } from '../manage/spec.ts'
import { storedNames } from '../manage/store/generations.ts'
import type { CommandContext } from './command.ts'

/**
 * The name of a certificate that is in the store or in the configuration.
 * @throws AppError ERR_NOT_FOUND with the nearest name
 */
export async function findStored({ place, state, runtime }: CommandContext, text: string): Promise<SpecName> {
  const names = [...(await storedNames(state, runtime)), ...(await readCachedNames(place, state, runtime))]
  const name = parseSpecName(text)
  if (name !== undefined && names.includes(name)) return name
  const near = suggest(text, names)
  throw new AppError('ERR_NOT_FOUND', `there is no certificate "${printable(text, 80)}"`, {
    hint: near === undefined ? 'certwright status lists them' : `did you mean ${near}?`,
  })
}
