/**
 * The names in the configuration, remembered together with the files they came from, so that `status` need not load
 * the YAML and schema libraries. Only names are kept: the rest is read when something is done with it.
 */
import { v } from '../../base/schema.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { readDocument, storeStep, writeDocument } from '../store/documents.ts'
import { type ConfigPlace, configFacts, configFiles } from './place.ts'

const cacheSchema = v.object({ stamp: v.string(), names: v.array(v.string()) })

/** Names of the configured certificates; the configuration is parsed only when a file has changed. */
export async function readCachedNames(
  place: ConfigPlace,
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly string[]> {
  const path = `${state}/configured-names.json`
  const stamp = await configStamp(place, { files })
  const cached = await readDocument(path, cacheSchema, files).catch(() => undefined) // rebuilt below
  if (cached?.stamp === stamp) return cached.names
  const { loadConfig } = await import('./load.ts')
  const names = (await loadConfig(place, {}, { files })).certificates.map(({ name }) => name)
  if ((await storeStep(`look at ${state}`, () => files.facts(state))) !== undefined) {
    await writeDocument(path, { stamp, names }, files).catch(() => {}) // a reader without write access has no cache
  }
  return names
}

/**
 * A text that is another one when a file of the configuration has changed.
 * @throws AppError ERR_CONFIG_READ
 */
export async function configStamp(place: ConfigPlace, { files }: Pick<Runtime, 'files'>): Promise<string> {
  const stamps = []
  for (const file of await configFiles(place, { files })) {
    const facts = await configFacts(file, { files })
    const seen = facts === undefined ? 'missing' : `${facts.ino} ${facts.size} ${facts.mtimeMs}`
    // A link stays the same when what it leads to changes, as the ones in a Kubernetes volume do.
    stamps.push(`${file} ${seen}${facts?.kind === 'symlink' ? ` ${await contentOf(file, { files })}` : ''}`)
  }
  return stamps.join('\n')
}

// What cannot be read is reported by whoever needs it.
async function contentOf(file: string, { files }: Pick<Runtime, 'files'>): Promise<string> {
  const content = await files.read(file).catch(() => undefined)
  return content === undefined ? 'unreadable' : sha256Hex(content)
}
