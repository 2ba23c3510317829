/** Passwords for the clients of servers: in their environment, which their own user alone can read; never an argument. */
import { readSecret, type SecretReference } from '../../../contracts/secret.ts'
import type { ExecOptions } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'

const programs = '/usr/local/bin:/usr/bin:/bin'

/**
 * The environment of a client that reads its password from a variable; nothing where no password is configured.
 * @throws AppError ERR_CONFIG_READ where there is no password at the reference
 */
export async function passwordIn(
  variable: string,
  { password }: { readonly password?: SecretReference | undefined },
  runtime: Pick<Runtime, 'environment' | 'exec' | 'files'>,
): Promise<Pick<ExecOptions, 'env'>> {
  if (password === undefined) return {}
  return { env: { PATH: programs, LANG: 'C', [variable]: await readSecret(password, runtime) } }
}
