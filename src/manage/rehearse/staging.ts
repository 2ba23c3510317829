/** Which CA stands in for the real one in a rehearsal. Pure. */
import { AppError } from '../../base/errors.ts'
import { isPublicAuthority, knownAuthorities, resolveAuthority } from '../authorities.ts'
import type { Authority, CertificateSpec, Config } from '../spec.ts'

/** Public CAs that have one for this, by name. */
const stagings: Readonly<Record<string, string>> = {
  letsencrypt: 'letsencrypt-staging',
  google: 'google-staging',
}

/**
 * The staging of the certificate's CA, or the one that is asked for.
 * @param asked - from the command line
 * @throws AppError ERR_USAGE where there is none, or where it is one whose limits count
 */
export function stagingFor(
  { authority, fallbacks }: Pick<CertificateSpec, 'authority' | 'fallbacks'>,
  asked: { readonly name: string; readonly trustFile?: string } | undefined,
  { authorities }: Pick<Config, 'authorities'>,
): Authority {
  if (asked === undefined) return ownStaging(authority, authorities)
  const named = authorities.find(({ id }) => id === asked.name)
  const trust = asked.trustFile !== undefined && { trustFile: asked.trustFile }
  const found =
    named ??
    resolveAuthority(
      asked.name,
      {},
      authorities.map(({ id }) => id),
    )
  if ('problem' in found)
    throw new AppError('ERR_USAGE', `--authority: ${found.problem}`, { hint: found.hint })
  if (isForRehearsals(found)) return { ...found, ...trust }
  const counts =
    isPublicAuthority(found) ||
    [authority, ...fallbacks].some(({ directory }) => directory === found.directory)
  if (!counts) return { ...found, ...trust }
  throw new AppError('ERR_USAGE', `${found.id} is not for rehearsals: what is asked of it counts`, { hint })
}

const hint =
  'give --authority the URL of a staging directory, or --authority embedded for the CA inside Certwright'

function ownStaging(authority: Authority, authorities: readonly Authority[]): Authority {
  if (isForRehearsals(authority)) return authority
  const name = Object.entries(stagings).find(
    ([known]) => knownAuthorities[known] === authority.directory,
  )?.[1]
  const directory = name === undefined ? undefined : knownAuthorities[name]
  if (name === undefined || directory === undefined)
    throw new AppError('ERR_USAGE', `no staging of ${authority.id} is known`, { hint })
  // The configuration may know an account for it.
  return authorities.find(one => one.directory === directory) ?? { id: name, directory }
}

function isForRehearsals({ directory }: Authority): boolean {
  return (
    directory === 'embedded' || Object.values(stagings).some(name => knownAuthorities[name] === directory)
  )
}
