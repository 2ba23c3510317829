/** The configuration files of a PostgreSQL that does not run. */
import { posix } from 'node:path'
import { AppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { parseConfig, type Settings } from './settings.ts'

/** As deep as PostgreSQL itself follows files that include files. */
const maxDepth = 10
/** Where packages of Debian and its relatives have the configuration of each cluster: VERSION/NAME below it. */
const clusters = '/etc/postgresql'

type Reader = Pick<Runtime, 'files'>

/** The configuration file of the only cluster of this machine, or `undefined` where there is none or more than one. */
export async function findConfig({ files }: Reader): Promise<string | undefined> {
  const found: string[] = []
  for (const version of await files.list(clusters))
    for (const name of await files.list(`${clusters}/${version}`))
      found.push(`${clusters}/${version}/${name}/postgresql.conf`)
  return found.length === 1 ? found[0] : undefined
}

/**
 * The settings as PostgreSQL would find them when it is started: the later line counts, and what `ALTER SYSTEM` has written
 * comes last.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where a file is missing or cannot be read
 */
export async function readConfig(file: string, reader: Reader): Promise<Settings> {
  const own = await linesOf(file, { depth: 0, needed: true }, reader)
  const directory = new Map(own).get('data_directory') ?? posix.dirname(file)
  const altered = `${directory}/postgresql.auto.conf`
  const last = await linesOf(altered, { depth: 0, needed: false }, reader)
  return new Map([['data_directory', directory], ...own, ...last])
}

async function linesOf(
  file: string,
  { depth, needed }: { readonly depth: number; readonly needed: boolean },
  reader: Reader,
): Promise<readonly (readonly [name: string, value: string])[]> {
  const text = await read(file, reader)
  if (text === undefined && needed) throw broken(`${printable(file)} does not exist`)
  if (depth > maxDepth) throw broken(`${printable(file)} is included too deep`)
  const lines: (readonly [string, string])[] = []
  for (const { name, value } of parseConfig(text ?? '')) {
    const path = posix.resolve(posix.dirname(file), value)
    if (name === 'include' || name === 'include_if_exists')
      lines.push(...(await linesOf(path, { depth: depth + 1, needed: name === 'include' }, reader)))
    else if (name === 'include_dir') {
      const parts = (await reader.files.list(path)).filter(part => /^[^.].*\.conf$/.test(part))
      for (const part of parts)
        lines.push(...(await linesOf(`${path}/${part}`, { depth: depth + 1, needed: true }, reader)))
    } else lines.push([name, value])
  }
  return lines
}

async function read(file: string, { files }: Reader): Promise<string | undefined> {
  const content = await files.read(file).catch((cause: unknown) => {
    throw broken(`${printable(file)} cannot be read: ${messageOf(cause)}`, cause)
  })
  return content === undefined ? undefined : new TextDecoder().decode(content)
}

function broken(what: string, cause?: unknown): AppError {
  return new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `PostgreSQL is not running, and its configuration was not found: ${what}`,
    { hint: 'start it, or name its postgresql.conf with config: PATH', cause },
  )
}
