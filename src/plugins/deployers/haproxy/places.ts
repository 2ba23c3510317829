/** Where HAProxy reads certificates: files, directories, lists. */
import type { Runtime } from '../../../runtime/runtime.ts'
import { privateKeyIn } from '../server/pem-blocks.ts'
import type { CertificatePlace } from '../server/place.ts'
import { readText } from '../server/read-text.ts'
import {
  type Bind,
  type Certificate,
  type Configuration,
  type ListEntry,
  parseList,
} from './configuration.ts'

type PlaceRuntime = Pick<Runtime, 'files'>

/** In a directory of certificates, these go with one and are none. */
const companions = /\.(key|ocsp|issuer|sctl)$/

/**
 * The certificates of every TLS listener.
 * @param wanted - a file that need not be there yet, if it is in a directory of certificates
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE
 */
export async function haproxyPlaces(
  configuration: Configuration,
  wanted: string | undefined,
  runtime: PlaceRuntime,
): Promise<readonly CertificatePlace[]> {
  const places: CertificatePlace[] = []
  for (const bind of configuration.binds) {
    const entries: (ListEntry & Certificate)[] = []
    for (const certificate of bind.certificates)
      entries.push(...(await filesBehind(certificate, wanted, runtime)))
    for (const list of bind.lists)
      entries.push(...parseList((await readText(list, runtime)) ?? '', configuration))
    for (const entry of entries) places.push(await toPlace(entry, bind, configuration, runtime))
  }
  return places
}

/** A file itself, and the certificates of a directory. */
async function filesBehind(
  certificate: Certificate,
  wanted: string | undefined,
  { files }: PlaceRuntime,
): Promise<readonly Certificate[]> {
  const directory = certificate.path.replace(/\/$/, '')
  const names = await files.list(directory).catch(() => []) // a file
  const isDirectory = (await files.facts(directory))?.kind === 'directory' || names.length > 0
  if (!isDirectory) return [certificate]
  const paths = names
    .filter(name => !name.startsWith('.') && !companions.test(name))
    .map(name => `${directory}/${name}`)
  const isNew = wanted !== undefined && wanted.slice(0, wanted.lastIndexOf('/')) === directory
  return [...new Set([...paths, ...(isNew ? [wanted] : [])])].map(path => ({ path }))
}

async function toPlace(
  { path, keyFile, names }: ListEntry & Certificate,
  { addresses, proxyProtocol, source }: Bind,
  configuration: Configuration,
  runtime: PlaceRuntime,
): Promise<CertificatePlace> {
  return {
    certificateFile: path,
    keyFile: keyFile ?? (await keyOf(path, configuration, runtime)),
    ...(names !== undefined && { names }),
    source,
    endpoints: addresses.map(address => ({ ...address, ...(proxyProtocol && { proxyProtocol }) })),
  }
}

/** In the file of the certificate, unless that has none and there is another for it. */
async function keyOf(
  path: string,
  { replacesExtension }: Configuration,
  runtime: PlaceRuntime,
): Promise<string> {
  const keyFile = `${replacesExtension ? path.replace(/\.[^./]*$/, '') : path}.key`
  const text = (await readText(path, runtime)) ?? ''
  if (privateKeyIn(text) !== undefined) return path
  return (await readText(keyFile, runtime)) === undefined ? path : keyFile
}
