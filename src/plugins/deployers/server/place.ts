/** Where a server reads certificates, and which of these places are meant for one. Pure. */
import { type Identifier, isWildcard } from '../../../acme/identifier.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate, Endpoint } from '../../../contracts/deployer.ts'
import type { KeyKind, ProbeTarget } from '../../../runtime/network.ts'

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
  /** The kind of its key, where it is one of the two that pairs have. */
  readonly presentKind?: KeyKind
  /** What is wrong with certificate and key that lie there. */
  readonly problem?: string
  /** What lies there is nothing yet, or a certificate that was made to fill the place. */
  readonly isPlaceholder: boolean
  /** What lies there has a full name, so somebody made it for that, self-signed or not. */
  readonly isTaken?: boolean
}

/** The files of certificates and keys. */
export function filesOf(places: readonly CertificatePlace[]): readonly string[] {
  return [...new Set(places.flatMap(({ certificateFile, keyFile }) => [certificateFile, keyFile]))]
}

export type Choice =
  | { readonly state: 'live'; readonly places: readonly SeenPlace[] }
  | { readonly state: 'copies'; readonly places: readonly SeenPlace[] }
  /** Of certificate and key, one is taken from `live/<name>` and the other is not. */
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
  { identifiers, liveDirectory, keyIsElsewhere = false, pair }: DeployableCertificate,
  { wanted, server, ownUser }: ChoiceOptions,
): Choice {
  const candidates = places.filter(place => wanted === undefined || place.certificateFile === wanted)
  const live = candidates.filter(place => place.live.certificate)
  const mixed = candidates.find(place => place.live.certificate !== place.live.key && !keyIsElsewhere)
  if (mixed !== undefined) return mixture(mixed, liveDirectory)
  if (live.length > 0) return { state: 'live', places: live }
  // The two of a pair have the same names.
  const isOfKind = ({ presentKind }: SeenPlace) =>
    pair === undefined || presentKind === undefined || presentKind === pair.keyKind
  const own = candidates.filter(place => place.foreign === undefined && isOfKind(place))
  const meant = own.filter(place => wanted !== undefined || isMeant(place, identifiers))
  const victim = places.find(place => !meant.includes(place) && isHarmed(place, meant))
  if (victim !== undefined)
    return {
      state: 'none',
      text: `${printable(victim.certificateFile)} has another certificate, for ${printable((victim.names ?? victim.present ?? []).join(', '), 200)} (${victim.source}), and shares a file with what is meant for these names`,
      hint: `give each certificate files of its own${wanted === undefined ? ', or say which file is meant with certificate-file: PATH' : ''}`,
    }
  const waiting = own.filter(
    ({ names, isPlaceholder, isTaken = false }) => names === undefined && isPlaceholder && !isTaken,
  )
  if (meant.length > 0) return { state: 'copies', places: meant }
  // Several listeners may read the same files.
  if (new Set(waiting.map(({ certificateFile }) => certificateFile)).size === 1)
    return { state: 'copies', places: waiting }
  return {
    state: 'none',
    text: describeNone(places, { wanted, server, keyKind: pair?.keyKind }),
    hint: `have ${server} read ${
      ownUser === undefined
        ? `${liveDirectory}/fullchain.pem and privkey.pem (combined.pem has both, where it wants one file)`
        : `two files of its own, which need not be there yet, in a directory that ${ownUser} can search`
    }, or say which file it is with certificate-file: PATH`,
  }
}

function mixture({ source, live, certificateFile, keyFile }: SeenPlace, liveDirectory: string): Choice {
  const [one, other, path, file] = live.certificate
    ? ['certificate', 'key', keyFile, 'privkey.pem']
    : ['key', 'certificate', certificateFile, 'fullchain.pem']
  return {
    state: 'mixed',
    text: `${source} takes the ${one} from ${printable(liveDirectory)}, but the ${other} from ${printable(path)}`,
    hint: `name ${liveDirectory}/${file} for the ${other}`,
  }
}

/** Whether a place would lose a certificate that is good for it, because others that share a file with it are written. */
function isHarmed(place: SeenPlace, written: readonly SeenPlace[]): boolean {
  const { names, present = [], isPlaceholder } = place
  const isGood = (names ?? present).some(name => present.some(one => standsFor(one, name)))
  if (isPlaceholder || !isGood) return false
  const files = new Set(written.flatMap(filesAt))
  return filesAt(place).some(path => files.has(path))
}

function filesAt({ certificateFile, keyFile, chainFile }: CertificatePlace): readonly string[] {
  return [certificateFile, keyFile, ...(chainFile === undefined ? [] : [chainFile])]
}

function isMeant({ names, present }: SeenPlace, identifiers: readonly Identifier[]): boolean {
  return (names ?? present ?? []).some(name => identifiers.some(({ value }) => standsFor(value, name)))
}

/** Whether a name is another, or one of them stands for the other. */
function covers(one: string, other: string): boolean {
  return standsFor(one, other) || standsFor(other, one)
}

/** Whether a certificate with a name is good for another. One for a single host is not good for a wildcard. */
function standsFor(name: string, other: string): boolean {
  return (
    name === other ||
    (name.startsWith('*.') && other.slice(Math.max(other.indexOf('.'), 0)) === name.slice(1))
  )
}

function describeNone(
  places: readonly SeenPlace[],
  { wanted, server, keyKind }: ChoiceOptions & { readonly keyKind: KeyKind | undefined },
): string {
  if (places.length === 0) return `${server} is configured to read no certificate`
  const all = places.map(({ certificateFile, source, foreign }) => {
    const why = foreign === undefined ? '' : `, ${foreign}`
    return `  ${printable(certificateFile)} (${source}${why})`
  })
  const kind = keyKind === undefined ? '' : ` with the key of this kind, ${keyKind.toUpperCase()}`
  const head =
    wanted === undefined
      ? `none of the certificates that ${server} reads is meant for these names${kind}:`
      : `${server} does not read ${printable(wanted)}${kind}, but:`
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
