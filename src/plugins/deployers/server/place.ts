/** Where a server reads certificates, and which of these places are meant for one. Pure. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate, Endpoint } from '../../../contracts/deployer.ts'
import type { ProbeTarget } from '../../../runtime/network.ts'

/** The files of one certificate, as the configuration of a server names them; absolute paths. */
export type CertificatePlace = {
  /** The certificate, with the intermediates unless they have a file of their own. */
  readonly certificateFile: string
  /** The same as `certificateFile` where everything is in one file. */
  readonly keyFile: string
  /** The intermediates, where they are not in `certificateFile`. */
  readonly chainFile?: string
  /** The names for which it is served, `*.example.com` included; absent for a certificate that is served to everybody. */
  readonly names?: readonly string[]
  /** It is served for every other name, too: there is no other certificate at its addresses. */
  readonly isOnly?: boolean
  /** Why it must not be written to, in words that follow a comma. */
  readonly foreign?: string
  /** Where the configuration says so, for people. */
  readonly source: string
  /** Where it is served; the name that is sent is filled in. */
  readonly endpoints: readonly Omit<ProbeTarget, 'serverName' | 'keyKind'>[]
}

/** A place with what was found there. */
export type SeenPlace = CertificatePlace & {
  /** Which of its files lead to `live/<name>`. */
  readonly live: { readonly certificate: boolean; readonly key: boolean }
  /** The names in the certificate that lies there; absent where none lies there that can be read. */
  readonly present?: readonly string[]
  /** What is wrong with certificate and key that lie there. */
  readonly problem?: string
  /** What lies there is nothing yet, or a certificate that was made to fill the place. */
  readonly isPlaceholder: boolean
}

/** The files of certificates and keys. */
export function filesOf(places: readonly CertificatePlace[]): readonly string[] {
  return [...new Set(places.flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile]))]
}

export type Choice =
  | { readonly state: 'live'; readonly places: readonly SeenPlace[] }
  | { readonly state: 'copies'; readonly places: readonly SeenPlace[] }
  /** The certificate is taken from `live/<name>`, its key is not. */
  | { readonly state: 'mixed'; readonly text: string; readonly hint: string }
  | { readonly state: 'none'; readonly text: string; readonly hint: string }

export type ChoiceOptions = {
  /** The only place that is meant, by its certificate file. */
  readonly wanted?: string | undefined
  /** Its name. */
  readonly server: string
  /** Who reads the files, where that is a user of its own, who cannot look into `live/`. */
  readonly ownUser?: string | undefined
}

/**
 * The places that are meant for a certificate: those that read `live/<name>`; else those that serve its names, or whose present
 * certificate has one of its names, or which wait for a certificate; it is copied there then.
 */
export function choosePlaces(
  places: readonly SeenPlace[],
  { identifiers, liveDirectory, keyIsElsewhere = false }: DeployableCertificate,
  { wanted, server, ownUser }: ChoiceOptions,
): Choice {
  const candidates = places.filter(place => wanted === undefined || place.certificateFile === wanted)
  const live = candidates.filter(place => place.live.certificate)
  const mixed = live.find(place => !place.live.key && !keyIsElsewhere)
  if (mixed !== undefined)
    return {
      state: 'mixed',
      text: `${mixed.source} takes the certificate from ${printable(liveDirectory)}, but the key from ${printable(mixed.keyFile)}`,
      hint: `name ${liveDirectory}/privkey.pem for the key`,
    }
  if (live.length > 0) return { state: 'live', places: live }
  const own = candidates.filter(({ foreign }) => foreign === undefined)
  const meant = own.filter(place => wanted !== undefined || isMeant(place, identifiers))
  const waiting = own.filter(({ names, isPlaceholder }) => names === undefined && isPlaceholder)
  if (meant.length > 0) return { state: 'copies', places: meant }
  // Several listeners may read the same files.
  if (new Set(waiting.map(({ certificateFile }) => certificateFile)).size === 1)
    return { state: 'copies', places: waiting }
  return {
    state: 'none',
    text: describeNone(places, { wanted, server }),
    hint: `have ${server} read ${
      ownUser === undefined
        ? `${liveDirectory}/fullchain.pem and privkey.pem (combined.pem has both, where it wants one file)`
        : `two files of its own, which need not be there yet, in a directory that ${ownUser} can search`
    }, or say which file it is with certificate-file: PATH`,
  }
}

function isMeant({ names, present }: SeenPlace, identifiers: readonly Identifier[]): boolean {
  return (names ?? present ?? []).some(name => identifiers.some(({ value }) => covers(name, value)))
}

/** Whether a name is another, or one of them stands for the other. */
function covers(one: string, other: string): boolean {
  const stands = (wild: string, name: string) =>
    wild.startsWith('*.') && name.slice(name.indexOf('.')) === wild.slice(1)
  return one === other || stands(one, other) || stands(other, one)
}

function describeNone(places: readonly SeenPlace[], { wanted, server }: ChoiceOptions): string {
  if (places.length === 0) return `${server} is configured to read no certificate`
  const all = places.map(({ certificateFile, source, foreign }) => {
    const why = foreign === undefined ? '' : `, ${foreign}`
    return `  ${printable(certificateFile)} (${source}${why})`
  })
  const head =
    wanted === undefined
      ? `none of the certificates that ${server} reads is meant for these names:`
      : `${server} does not read ${printable(wanted)}, but:`
  return [head, ...new Set(all)].join('\n')
}

/** What must show the certificate afterwards: each address of a place, for the names that it serves there. */
export function endpointsOf(
  places: readonly CertificatePlace[],
  { identifiers }: DeployableCertificate,
): readonly Endpoint[] {
  const endpoints = places.flatMap(({ endpoints: addresses, names, isOnly, source }) => {
    const served = (names ?? []).flatMap(name =>
      identifiers
        .filter(({ type, value }) => type === 'dns' && covers(name, value))
        .map(identifier => (isWildcard(identifier) ? { ...identifier, value: name } : identifier)),
    )
    const isForAll = names === undefined || (isOnly === true && served.length === 0)
    const asked = isForAll ? [askedName(identifiers)] : served.map(nameFor)
    return addresses.flatMap(address => asked.map(serverName => ({ ...address, serverName, source })))
  })
  const seen = new Map(endpoints.map(one => [JSON.stringify({ ...one, source: '' }), one]))
  return [...seen.values()]
}

/** The name that is sent to a server that has one certificate: the first, and one that a wildcard stands for where there is no other. */
export function askedName(identifiers: readonly Identifier[]): string | undefined {
  const names = identifiers.filter(({ type }) => type === 'dns')
  const first = names.find(name => !isWildcard(name)) ?? names[0]
  return first && nameFor(first)
}

function nameFor({ value }: Identifier): string {
  return value.replace('*', 'www')
}
