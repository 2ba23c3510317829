/** Users and groups by name. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'

/** The databases of the system: lines of fields between colons, the name first and the number third. */
const databases = { user: 'passwd', group: 'group' } as const

/** Larger than any file of local accounts; the others come from a directory service. */
const maxBytes = 16 * 1024 * 1024

/**
 * The number of a user or group. Local ones are read from the system's files, others are asked for with `getent`.
 * @throws AppError ERR_DEPLOY when there is none of that name
 */
export async function numberOf(
  kind: 'user' | 'group',
  name: string | number,
  { files, exec }: Pick<Runtime, 'files' | 'exec'>,
  options: { readonly signal: AbortSignal },
): Promise<number> {
  if (typeof name === 'number') return name
  const database = databases[kind]
  const local = new TextDecoder().decode(await files.read(`/etc/${database}`, { maxBytes }))
  const number = numberIn(local, name) ?? (await ask(database, name, exec, options))
  if (number !== undefined) return number
  throw new AppError('ERR_DEPLOY', `there is no ${kind} ${printable(name, 80)}`, {
    hint: `correct the name, or create the ${kind}`,
  })
}

async function ask(
  database: string,
  name: string,
  exec: Runtime['exec'],
  options: { readonly signal: AbortSignal },
): Promise<number | undefined> {
  try {
    const { exitCode, stdout } = await exec('getent', [database, name], options)
    return exitCode === 0 ? numberIn(stdout, name) : undefined
  } catch (error) {
    if (isAppError(error, 'ERR_EXEC')) return undefined // not every system has it
    throw error
  }
}

function numberIn(lines: string, name: string): number | undefined {
  const fields = lines.split('\n').map(line => line.split(':'))
  const number = fields.find(([first]) => first === name)?.[2]
  return number !== undefined && /^\d{1,10}$/.test(number) ? Number(number) : undefined
}
