/** Finding what may be configured, stored, or both. */
import { AppError } from '../base/errors.ts'
import { printable } from '../base/printable.ts'
import { suggest } from '../base/suggest.ts'
import { resolveAuthority } from '../manage/authorities.ts'
import { readCachedNames } from '../manage/config/cache.ts'
import { type Authority, type Config, parseSpecName, type SpecName } from '../manage/spec.ts'
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

/**
 * The authority that something stored is from. The store knows its directory; how to trust that directory is only in the
 * configuration, at whatever certificate.
 * @throws AppError ERR_CONFIG where the directory cannot be used
 */
export function storedAuthority(
  { id, directory }: Pick<Authority, 'id' | 'directory'>,
  { authority, authorities, certificates }: Pick<Config, 'authority' | 'authorities' | 'certificates'>,
): Authority {
  const configured = [
    authority,
    ...authorities,
    ...certificates.flatMap(spec => [spec.authority, ...spec.fallbacks]),
  ]
  const found =
    configured.find(one => one.id === id && one.directory === directory) ??
    configured.find(one => one.directory === directory) ??
    configured.find(one => one.id === id) // its directory has moved
  if (found !== undefined) return { ...found, id }
  const resolved = resolveAuthority(directory)
  if (!('problem' in resolved)) return { ...resolved, id }
  throw new AppError('ERR_CONFIG', `${id} cannot be used any more: ${resolved.problem}`, {
    hint: resolved.hint,
  })
}
