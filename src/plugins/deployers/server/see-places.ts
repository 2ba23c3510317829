/** What lies at the places where a server reads certificates. */
import { AppError, isAppError, messageOf, systemCodeOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { KeyKind } from '../../../runtime/network.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { parseCertificate } from '../../../x509/certificate.ts'
import { followPath } from './file-trail.ts'
import { pairProblem } from './pair.ts'
import { certificatesIn } from './pem-blocks.ts'
import type { CertificatePlace, SeenPlace } from './place.ts'

type PlaceReader = Pick<Runtime, 'files'>

/** Directories and files that belong to somebody else, and whose. */
const foreign: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/\/ssl-cert-snakeoil\.(pem|key)$/, "which is Debian's stand-in for every server of the machine"],
  [/^\/etc\/letsencrypt\//, 'which certbot looks after'],
  [/^\/(usr|lib|bin|sbin)\//, 'which belongs to a package'],
  [/^\/etc\/ssl\/certs\/[^/]+$/, 'which is among the roots that the machine trusts'],
]

const kinds: ReadonlyMap<string, KeyKind> = new Map([
  ['ec', 'ecdsa'],
  ['rsa', 'rsa'],
])

/**
 * Looks at every place once.
 * @throws AppError ERR_DEPLOY where a place may not be looked at
 */
export async function seePlaces(
  places: readonly CertificatePlace[],
  certificate: DeployableCertificate,
  reader: PlaceReader,
): Promise<readonly SeenPlace[]> {
  const seen: SeenPlace[] = []
  for (const place of places) seen.push(await seePlace(place, certificate, reader))
  return seen
}

async function seePlace(
  place: CertificatePlace,
  { liveDirectory }: DeployableCertificate,
  reader: PlaceReader,
): Promise<SeenPlace> {
  const { certificateFile, keyFile, chainFile } = place
  const trail = await followPath(certificateFile, liveDirectory, reader)
  const keyTrail = await followPath(keyFile, liveDirectory, reader)
  const chainTrail = chainFile === undefined ? undefined : await followPath(chainFile, liveDirectory, reader)
  const trails = [trail, keyTrail, ...(chainTrail === undefined ? [] : [chainTrail])]
  const live = { certificate: trail.below !== undefined, key: keyTrail.below !== undefined }
  const state = (await followPath(liveDirectory, liveDirectory, reader)).end.replace(/\/live\/[^/]+$/, '')
  // Below `live/` of others, or where no path of a server should lead: into a generation, which never changes.
  const isOther = trails.some(({ end, below }) => below === undefined && end.startsWith(`${state}/`))
  const isOwnChain = !live.certificate && chainTrail?.below !== undefined
  const why = isOther
    ? 'which is another certificate of Certwright, or in its store'
    : isOwnChain
      ? 'whose intermediates are those of Certwright: name live/ for all three files'
      : (place.foreign ?? foreign.find(([pattern]) => trails.some(({ end }) => pattern.test(end)))?.[1])
  const present = live.certificate ? {} : await presentCertificate(place.certificateFile, reader)
  const problem = live.certificate ? undefined : await problemAt(place, reader)
  return {
    ...place,
    live,
    ...(why !== undefined && { foreign: why }),
    ...(present?.names !== undefined && { present: present.names }),
    ...(present?.kind !== undefined && { presentKind: present.kind }),
    ...(problem !== undefined && { problem }),
    isPlaceholder: present === undefined || present.isSelfSigned === true,
    isTaken: present !== undefined && hasFullName(present),
  }
}

/** Where the key may not be read, nothing is said of it. */
async function problemAt(
  { certificateFile, keyFile }: CertificatePlace,
  { files }: PlaceReader,
): Promise<string | undefined> {
  const read = async (path: string) => {
    const content = await files.read(path)
    return content === undefined ? undefined : new TextDecoder().decode(content)
  }
  try {
    return pairProblem({ certificate: await read(certificateFile), key: await read(keyFile) })
  } catch {
    return undefined
  }
}

type Present = {
  readonly names?: readonly string[]
  readonly kind?: KeyKind
  readonly isSelfSigned?: boolean
}

/** Whether it is for a name by which others know somebody, other than `localhost` or none at all. */
function hasFullName({ names = [] }: Present): boolean {
  return names.some(name => name.includes('.') && !/^127\.|\.(localdomain|local|invalid)$/.test(name))
}

/** @returns `undefined` where nothing lies, and an empty value where something else does than a certificate */
async function presentCertificate(path: string, { files }: PlaceReader): Promise<Present | undefined> {
  try {
    const content = await files.read(path)
    if (content === undefined) return undefined
    const [leaf] = certificatesIn(new TextDecoder().decode(content))
    if (leaf === undefined) return {}
    const { identifiers, commonName, subjectDer, issuerDer, publicKey } = parseCertificate(leaf)
    const kind = kinds.get(publicKey.asymmetricKeyType ?? '')
    const names = identifiers.length === 0 && commonName !== undefined ? [commonName] : []
    return {
      ...(kind !== undefined && { kind }),
      names: [...identifiers.map(({ value }) => value), ...names],
      isSelfSigned: Buffer.compare(subjectDer, issuerDer) === 0,
    }
  } catch (cause) {
    if (isAppError(cause)) return {}
    if (systemCodeOf(cause) === 'ENOTDIR') return undefined
    throw new AppError('ERR_DEPLOY', `cannot read ${printable(path)}: ${messageOf(cause)}`, {
      hint: 'run this as root, as the server is started',
      cause,
    })
  }
}
