/** Reading the configuration files. */
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Config } from '../spec.ts'
import { parseConfigDocument } from './document.ts'
import { type ConfigIssue, describeConfigIssue } from './issue.ts'
import { type ConfigPlace, configFacts, configFiles } from './place.ts'
import { readRequests } from './requests.ts'
import { fileSchema } from './schema.ts'
import { type ConfigOverrides, type NamedDocument, readConfig } from './specs.ts'

/** The configuration has mistakes; all of them, in the order of the files. */
export class ConfigError extends AppError {
  override readonly name = 'ConfigError'
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super('ERR_CONFIG', issues.map(describeConfigIssue).join('\n'), {
      hint: 'certwright config schema prints what is allowed',
    })
    this.issues = issues
  }
}

/**
 * Reads the main file (which may be missing) and the drop-ins.
 * @throws ConfigError with every mistake; AppError ERR_CONFIG_READ
 */
export async function loadConfig(
  place: ConfigPlace,
  overrides: ConfigOverrides,
  { files }: Pick<Runtime, 'files'>,
): Promise<Config> {
  const issues: ConfigIssue[] = []
  const documents: NamedDocument[] = []
  const missing: string[] = []
  await refuseOpenToAll(place.dropIns, { files })
  for (const file of await configFiles(place, { files })) {
    await refuseOpenToAll(file, { files })
    const text = await readText(file, { files })
    if (text === undefined && file !== place.file) continue // deleted since it was listed
    if (text === undefined) missing.push(file)
    const document = parseConfigDocument(file, text ?? '', fileSchema)
    if ('issues' in document) issues.push(...document.issues)
    else documents.push({ file, document })
  }
  // Without its main file the rest would be read with wrong defaults and produce complaints that mean nothing.
  if (issues.some(({ file }) => file === place.file)) throw new ConfigError(issues)
  const entries = documents.flatMap(({ document }) => Object.values(document.value.certificates ?? {}))
  const requests = await readRequests(new Set(entries.flatMap(entry => entry?.csr ?? [])), { files })
  const result = readConfig(documents, overrides, requests)
  if ('issues' in result) throw new ConfigError([...issues, ...result.issues])
  if (issues.length > 0) throw new ConfigError(issues)
  return { ...result.config, files: result.config.files.filter(file => !missing.includes(file)) }
}

// The configuration names programs that run with our rights, so not everybody may have a say in it.
async function refuseOpenToAll(path: string, { files }: Pick<Runtime, 'files'>): Promise<void> {
  const facts = await configFacts(path, { files })
  if (facts === undefined || facts.kind === 'symlink' || (facts.mode & 0o002) === 0) return // a link has no rights of its own
  throw new AppError('ERR_CONFIG_READ', `${path} can be changed by every user of this machine`, {
    hint: `chmod o-w ${path}`,
  })
}

async function readText(file: string, { files }: Pick<Runtime, 'files'>): Promise<string | undefined> {
  try {
    const content = await files.read(file)
    return content === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    const hint =
      readHints[systemCodeOf(error) ?? ''] ?? 'check the permissions, or run as the user that owns it'
    throw new AppError('ERR_CONFIG_READ', `cannot read ${file}: ${messageOf(error)}`, { cause: error, hint })
  }
}

const readHints: Readonly<Record<string, string>> = {
  EISDIR: 'give the file itself, not its directory',
  EFBIG: 'no configuration is that large: see what this file is',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'save it as UTF-8 text',
}
