/** What the store holds, for comparison with what is served. */
import { coversHost } from '../../acme/identifier.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { parsePem } from '../../x509/pem.ts'
import { parseSpecName, type SpecName } from '../spec.ts'
import { listGenerations, storedNames } from '../store/generations.ts'
import { generationPath } from '../store/paths.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** One certificate with its generations, oldest first. */
export type StoredNow = { readonly name: SpecName; readonly generations: readonly StoredCertificate[] }

/**
 * All certificates in the store; damaged generations are left out.
 * @throws AppError ERR_STORE
 */
export async function readStoredNow(
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly StoredNow[]> {
  const names = (await storedNames(state, { files })).flatMap(name => parseSpecName(name) ?? [])
  const found: StoredNow[] = []
  for (const name of names) {
    const { stored } = await listGenerations(state, name, { files }, { trustUntouched: true })
    if (stored.length > 0) found.push({ name, generations: stored })
  }
  return found
}

/** How a served certificate stands to those in the store. */
export type Kinship =
  /** It is the newest of that name. */
  | { readonly kind: 'current'; readonly name: SpecName }
  /** There is a newer one. */
  | { readonly kind: 'superseded'; readonly name: SpecName; readonly newest: StoredCertificate }
  /** There is another one for the same host. */
  | { readonly kind: 'beside'; readonly name: SpecName }
  | { readonly kind: 'unknown' }

/**
 * Finds a served certificate among those that are stored. Pure.
 * @param host - the name that was asked for
 */
export function kinshipOf(fingerprint: string, host: string, stored: readonly StoredNow[]): Kinship {
  for (const { name, generations } of stored) {
    const newest = generations.at(-1)
    if (newest?.fingerprint === fingerprint) return { kind: 'current', name }
    if (newest !== undefined && generations.some(one => one.fingerprint === fingerprint))
      return { kind: 'superseded', name, newest }
  }
  const beside = stored.find(({ generations }) => coversHost(generations.at(-1)?.identifiers ?? [], host))
  return beside === undefined ? { kind: 'unknown' } : { kind: 'beside', name: beside.name }
}

/**
 * The chain of a stored generation, leaf first; empty where it cannot be read any more.
 */
export async function storedChain(
  state: string,
  name: SpecName,
  { generation }: Pick<StoredCertificate, 'generation'>,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly Certificate[]> {
  try {
    const pem = await files.read(`${generationPath(state, name, generation)}/fullchain.pem`)
    return pem === undefined
      ? []
      : parsePem(new TextDecoder().decode(pem), 'CERTIFICATE').map(parseCertificate)
  } catch {
    return [] // then what is sent is judged by itself
  }
}
