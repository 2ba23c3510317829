/** Which version of a server is installed here, and which TLS library it is linked with. */
import { isAppError } from '../base/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Library } from './library.ts'
import type { HardenedServer, VersionQuestion } from './server.ts'
import { parseVersion, type Version } from './version.ts'

/** What was found; a member is absent where it could not be. */
export type Installed = {
  /** The path of its program. */
  readonly program?: string
  readonly version?: Version
  readonly library?: Library
}

type World = Pick<Runtime, 'exec' | 'files'>
type Signal = { readonly signal: AbortSignal }

const programDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/opt/homebrew/bin']
const askTimeoutMs = 20_000
/** libcrypto of OpenSSL 3 has 5 to 8 MB. */
const maxLibraryBytes = 64 * 1024 * 1024

/**
 * Asks the server's program for its version; the library is what it says it runs with, or the version in the library
 * file that it is linked with.
 * @param options.program - its path, where it is not a usual one
 */
export async function detectServer(
  { question }: Pick<HardenedServer, 'question'>,
  world: World,
  { program: named, signal }: Signal & { readonly program?: string | undefined },
): Promise<Installed> {
  const program = named ?? (await findProgram(question.programs, world))
  if (program === undefined) return {}
  const output = question.args === undefined ? '' : await outputOf(program, question.args, world, { signal })
  const version =
    question.inside === undefined
      ? parseVersion(question.version?.exec(output)?.[1] ?? '')
      : await versionInside(program, question.inside, world)
  const library = saidLibrary(question, output) ?? (await linkedLibrary(program, question, world, { signal }))
  return { program, ...(version !== undefined && { version }), ...(library !== undefined && { library }) }
}

async function findProgram(
  names: readonly string[],
  { files }: Pick<World, 'files'>,
): Promise<string | undefined> {
  for (const path of names.flatMap(name => programDirectories.map(directory => `${directory}/${name}`))) {
    if ((await files.facts(path)) !== undefined) return path
  }
  return undefined
}

/** Both streams: servers differ in where they print it. Empty where the program cannot be run. */
async function outputOf(
  program: string,
  args: readonly string[],
  { exec }: Pick<World, 'exec'>,
  { signal }: Signal,
): Promise<string> {
  try {
    const { stdout, stderr } = await exec(program, args, { timeoutMs: askTimeoutMs, signal })
    return `${stdout}\n${stderr}`
  } catch (error) {
    if (isAppError(error, 'ERR_EXEC')) return '' // whatever is wrong with it, it tells nothing
    throw error
  }
}

function saidLibrary({ openssl }: VersionQuestion, output: string): Library | undefined {
  if (openssl === undefined) return undefined
  const version = parseVersion([...output.matchAll(openssl)].at(-1)?.[1] ?? '')
  return version && { kind: 'openssl', version }
}

async function linkedLibrary(
  program: string,
  { linked = [] }: VersionQuestion,
  world: World,
  { signal }: Signal,
): Promise<Library | undefined> {
  const patterns = await Promise.all(linked.map(pattern => matching(pattern, world)))
  for (const path of [...patterns.flat(), program]) {
    const found = await libraryOf(path, world, { signal })
    if (found !== undefined) return found
  }
  return undefined
}

/** Paths that match a pattern with `*` for whole names. */
async function matching(pattern: string, { files }: Pick<World, 'files'>): Promise<readonly string[]> {
  let paths = ['']
  for (const name of pattern.split('/').slice(1)) {
    const next = await Promise.all(
      paths.map(async path =>
        name === '*'
          ? (await files.list(`${path}/`).catch(() => [])).map(one => `${path}/${one}`)
          : [`${path}/${name}`],
      ),
    )
    paths = next.flat()
  }
  return paths
}

async function libraryOf(path: string, world: World, { signal }: Signal): Promise<Library | undefined> {
  if ((await world.files.facts(path)) === undefined) return undefined
  const links = await outputOf('ldd', [path], world, { signal })
  const libraryAt = (name: string) => new RegExp(`\\b${name}\\.so\\S* => (/\\S+)`).exec(links)?.[1]
  const gnutls = libraryAt('libgnutls')
  // A library of the server's own may use libcrypto for passwords, and GnuTLS for TLS.
  if (gnutls !== undefined && libraryAt('libssl') === undefined) {
    const version = await versionInside(gnutls, /\0(3\.\d+\.\d+)\0/, world)
    return version && { kind: 'gnutls', version }
  }
  const openssl = libraryAt('libcrypto') ?? libraryAt('libssl')
  if (openssl === undefined) return undefined
  // Its descendants (LibreSSL, BoringSSL) have other names for their versions, and nothing is assumed of them.
  const version = await versionInside(openssl, /\0OpenSSL (\d+\.\d+\.\d+)/, world)
  return version && { kind: 'openssl', version }
}

// The package's version may be another than that of the library in a directory of its own.
async function versionInside(
  path: string,
  pattern: RegExp,
  { files }: Pick<World, 'files'>,
): Promise<Version | undefined> {
  const content = await files.read(path, { maxBytes: maxLibraryBytes }).catch(() => undefined)
  if (content === undefined) return undefined
  return parseVersion(pattern.exec(Buffer.from(content).toString('latin1'))?.[1] ?? '')
}
