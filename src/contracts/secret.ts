/** Secrets by reference: configurations say where a secret is, never what it is; it is read where it is used. */
import { AppError, messageOf } from '../base/errors.ts'
import { v } from '../base/schema.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** Where a secret is; it is read when it is used. */
export type SecretReference =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly command: readonly string[] }

/** A URL that opens something by itself may be a secret. */
export type UrlOrSecret = string | SecretReference

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))

/** Schema of a {@link SecretReference}. @internal */
export const secretSchema = v.union(
  [
    v.strictObject({ file: v.pipe(text, v.startsWith('/', 'must be an absolute path')) }),
    v.strictObject({ env: text }),
    v.strictObject({ command: v.pipe(v.array(text), v.nonEmpty('must name a program')) }),
  ],
  'must be a reference: { file: PATH }, { env: NAME } or { command: [PROGRAM, ...] }',
)

const secretHint = 'put it there, or change the reference in the configuration'

/**
 * The text behind a reference, without white space at its ends.
 * @throws AppError ERR_CONFIG_READ that names the reference, never the secret
 */
export async function readSecret(
  reference: SecretReference,
  { files, exec, environment }: Pick<Runtime, 'files' | 'exec' | 'environment'>,
): Promise<string> {
  const text = await resolve(reference, { files, exec, environment })
  if (text === undefined || text.trim() === '') {
    throw new AppError('ERR_CONFIG_READ', `there is no secret at ${describe(reference)}`, {
      hint: secretHint,
    })
  }
  return text.trim()
}

async function resolve(
  reference: SecretReference,
  { files, exec, environment }: Pick<Runtime, 'files' | 'exec' | 'environment'>,
): Promise<string | undefined> {
  if ('env' in reference) return environment(reference.env)
  if ('file' in reference) {
    const content = await files.read(reference.file).catch(error => {
      throw new AppError(
        'ERR_CONFIG_READ',
        `cannot read the secret in ${reference.file}: ${messageOf(error)}`,
        { cause: error, hint: 'check the permissions, or run as the user that owns it' },
      )
    })
    return content === undefined ? undefined : new TextDecoder().decode(content)
  }
  const [program = '', ...args] = reference.command
  const { exitCode, stdout } = await exec(program, args)
  if (exitCode !== 0)
    throw new AppError(
      'ERR_CONFIG_READ',
      `${describe(reference)} ended with exit code ${exitCode ?? 'none'}`,
      { hint: 'run it by hand as the user that runs certwright, and see what it says' },
    )
  return stdout
}

function describe(reference: SecretReference): string {
  if ('env' in reference) return `the environment variable ${reference.env}`
  if ('file' in reference) return `the file ${reference.file}`
  return `the command ${reference.command[0] ?? ''}`
}
