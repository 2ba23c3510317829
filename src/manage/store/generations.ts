/** Generations of a certificate: written whole, switched by one rename, never changed afterwards. */
import { AppError } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import { type FsOps, type NewFile, temporaryPrefix } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { encodePem } from '../../x509/pem.ts'
import type { SpecName } from '../spec.ts'
import { corrupt, readDocument, storeStep, writeDocument } from './documents.ts'
import {
  type CertificateFile,
  certificateFiles,
  certificatesPath,
  generationPath,
  generationsPath,
  livePath,
  privateFileMode,
  privateFiles,
  publicFileMode,
  removedGenerationPath,
  stateDirectoryMode,
} from './paths.ts'
import { rehearsalGeneration } from './rehearsals.ts'
import {
  hasPrivateKey,
  type StoredCertificate,
  storedCertificateJson,
  storedCertificateSchema,
} from './stored-certificate.ts'

/** Earlier generations that are kept beside the live one. */
export const keptGenerations = 2

/** What a new generation is made of. */
export type NewCertificate = Omit<StoredCertificate, 'generation' | 'storedAt' | 'files'> & {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  /** Absent where the key was made elsewhere. */
  readonly privateKeyPem?: string
}

/**
 * Writes a generation into a directory of its own. It is durable and complete when this resolves, and not yet live.
 * @throws AppError ERR_STORE; then no generation has appeared
 */
export async function saveGeneration(
  state: string,
  name: SpecName,
  { chain, privateKeyPem, ...facts }: NewCertificate,
  { files, clock }: Pick<Runtime, 'files' | 'clock'>,
): Promise<StoredCertificate> {
  const storedAt = clock.now()
  const generation = await nextGeneration(state, name, storedAt, { files })
  const contents = certificateContents(chain, privateKeyPem)
  const present = [...contents.keys()]
  const stored: StoredCertificate = {
    ...facts,
    generation,
    storedAt,
    files: Object.fromEntries(present.map(file => [file, sha256Hex(contents.get(file) ?? '')])),
  }
  const meta = `${JSON.stringify(storedCertificateJson(stored), undefined, 2)}\n`
  const content: readonly NewFile[] = [
    ...present.map(file => ({ name: file, content: contents.get(file) ?? '', mode: modeOf(file) })),
    { name: 'meta.json', content: meta, mode: privateFileMode }, // last: see `untouchedFiles`
  ]
  return storeStep(`store the certificate ${name}`, async () => {
    await files.makeDirectory(generationsPath(state, name), stateDirectoryMode)
    await files.writeDirectory(generationPath(state, name, generation), content, stateDirectoryMode)
    return stored
  })
}

function modeOf(file: CertificateFile): number {
  return privateFiles.includes(file) ? privateFileMode : publicFileMode
}

/** How closely generations are looked at. */
export type ReadingOptions = {
  /**
   * Do not read files that nobody has touched since `meta.json` was written over them. That finds what people and programs
   * did (later than the few milliseconds of one tick of the file system), not what a broken disk did: enough for a report, not for a delivery.
   */
  readonly trustUntouched?: boolean
}

/** All generations of a certificate, oldest first. Damaged ones are left out and named in `damaged`. */
export async function listGenerations(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
  options: ReadingOptions = {},
): Promise<{
  readonly stored: readonly StoredCertificate[]
  readonly damaged: readonly AppError[]
  /** Whether the certificate of a rehearsal lies there. */
  readonly rehearsal: boolean
}> {
  const directory = generationsPath(state, name)
  const ids = await storeStep(`list ${directory}`, () => files.list(directory))
  const stored: StoredCertificate[] = []
  const damaged: AppError[] = []
  for (const id of ids) {
    if (id.startsWith('.')) continue
    try {
      stored.push(await readGeneration(state, name, id, { files }, options))
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'ERR_STORE_CORRUPT') throw error
      damaged.push(error)
    }
  }
  return { stored, damaged, rehearsal: ids.includes(rehearsalGeneration) }
}

/**
 * Reads the facts of a generation and checks each of its files against its hash.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readGeneration(
  state: string,
  name: SpecName,
  id: string,
  { files }: Pick<Runtime, 'files'>,
  { trustUntouched = false }: ReadingOptions = {},
): Promise<StoredCertificate> {
  const directory = generationPath(state, name, id)
  const meta = await readDocument(`${directory}/meta.json`, storedCertificateSchema, files)
  if (meta === undefined) throw corrupt(directory, 'meta.json is missing')
  if (meta.generation !== id) throw corrupt(directory, `it says that it is generation ${meta.generation}`)
  const untouched = trustUntouched ? await untouchedFiles(directory, files) : []
  for (const file of certificateFiles) {
    if (untouched.includes(file)) continue
    if (privateFiles.includes(file) && !hasPrivateKey(meta)) continue
    const content = await storeStep(`read ${directory}/${file}`, () => files.read(`${directory}/${file}`))
    if (content === undefined) throw corrupt(`${directory}/${file}`, 'it is missing')
    if (sha256Hex(content) !== meta.files[file])
      throw corrupt(`${directory}/${file}`, 'its content has changed')
  }
  return meta
}

/** Files that are as old as a generation's `meta.json`, which is written last, and not cut off by a crash of the machine. */
async function untouchedFiles(directory: string, files: FsOps): Promise<readonly CertificateFile[]> {
  const factsOf = (file: string) =>
    storeStep(`look at ${directory}/${file}`, () => files.facts(`${directory}/${file}`))
  const written = (await factsOf('meta.json'))?.ctimeMs ?? 0
  const untouched: CertificateFile[] = []
  for (const file of certificateFiles) {
    const facts = await factsOf(file)
    if (facts?.kind === 'file' && facts.size > 0 && facts.ctimeMs <= written) untouched.push(file)
  }
  return untouched
}

/** The generation that `live/<name>` leads to, if any. It may have been deleted by hand. */
export async function liveGeneration(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<string | undefined> {
  const target = await storeStep(`read the link ${livePath(state, name)}`, () =>
    files.readLink(livePath(state, name)),
  )
  return target?.slice(target.lastIndexOf('/') + 1)
}

/** Makes a generation the live one, by one rename of one symbolic link. `undefined` takes the link away. */
export async function switchLive(
  state: string,
  name: SpecName,
  generation: string | undefined,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const link = livePath(state, name)
  await storeStep(`switch ${link}`, async () => {
    if (generation === undefined) return files.remove(link)
    await files.makeDirectory(`${state}/live`, stateDirectoryMode)
    return files.replaceLink(link, `../certificates/${name}/${generation}`)
  })
}

/**
 * Removes what a crash left unfinished, and generations beyond those that are kept. The live one always stays, and so does
 * everything that is not ours.
 */
export async function pruneGenerations(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const live = await liveGeneration(state, name, { files })
  const directory = generationsPath(state, name)
  const ids = await storeStep(`list ${directory}`, () => files.list(directory))
  const unfinished = ids.filter(id => id.startsWith(temporaryPrefix))
  const kindOf = async (path: string) => (await storeStep(`look at ${path}`, () => files.facts(path)))?.kind
  const ours: string[] = []
  for (const id of ids) {
    const place = `${directory}/${id}`
    if (id === live || !generationPattern.test(id) || (await kindOf(place)) !== 'directory') continue
    if ((await kindOf(`${place}/meta.json`)) === 'file') ours.push(id)
  }
  const spare = ours.slice(0, -keptGenerations)
  for (const id of [...unfinished, ...spare]) {
    await storeStep(`remove ${directory}/${id}`, async () => {
      // By one rename: half a generation would be taken for a damaged one. What remains of it is debris.
      const away = removedGenerationPath(state, name, id)
      await files.rename(`${directory}/${id}`, away)
      await files.remove(away)
    })
  }
}

/** Notes in `meta.json` that a generation was revoked. The caller holds the lock of the certificate. */
export async function markRevoked(
  state: string,
  name: SpecName,
  stored: StoredCertificate,
  revokedAt: Instant,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const directory = generationPath(state, name, stored.generation)
  await storeStep(`tidy ${directory}`, async () => {
    for (const file of await files.list(directory)) // of a process that was killed here
      if (file.startsWith(temporaryPrefix)) await files.remove(`${directory}/${file}`)
  })
  await writeDocument(`${directory}/meta.json`, storedCertificateJson({ ...stored, revokedAt }), files)
}

/** Names that have a directory of generations. */
export async function storedNames(
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly string[]> {
  const directory = certificatesPath(state)
  return storeStep(`list ${directory}`, () => files.list(directory))
}

function certificateContents(
  chain: readonly Uint8Array[],
  privateKeyPem: string | undefined,
): ReadonlyMap<CertificateFile, string> {
  const [cert = '', ...issuers] = chain.map(der => encodePem('CERTIFICATE', der))
  const fullchain = cert + issuers.join('')
  const contents = new Map<CertificateFile, string>([
    ['cert.pem', cert],
    ['chain.pem', issuers.join('')],
    ['fullchain.pem', fullchain],
  ])
  if (privateKeyPem !== undefined)
    contents.set('privkey.pem', privateKeyPem).set('combined.pem', privateKeyPem + fullchain)
  return contents
}

/** What {@link nextGeneration} makes. */
const generationPattern = /^\d{6,}-\d{8}T\d{6}Z$/

// A number first, so that generations sort by age whatever the clock does; the time is for people.
async function nextGeneration(
  state: string,
  name: SpecName,
  at: Instant,
  { files }: Pick<Runtime, 'files'>,
): Promise<string> {
  const directory = generationsPath(state, name)
  const ids = await storeStep(`list ${directory}`, () => files.list(directory))
  const last = Math.max(0, ...ids.map(id => Number.parseInt(id, 10) || 0))
  return `${String(last + 1).padStart(6, '0')}-${formatInstant(at).replace(/[-:]/g, '')}`
}
