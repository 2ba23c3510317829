/** The TLS settings that a server is given beside a certificate. */
import type { InstallWishes } from '../../contracts/installer.ts'
import { detectServer } from '../../harden/detect.ts'
import { findServer, hardenedSettings } from '../../harden/harden.ts'
import type { Runtime } from '../../runtime/runtime.ts'

export type HardenedIncludeOptions = Pick<InstallWishes, 'profile'> & {
  /** Of the certificate. */
  readonly name: string
  /** Path of the server's program, where it is not a usual one. */
  readonly program?: string | undefined
  readonly signal: AbortSignal
}

/**
 * The text of a file for server blocks or virtual hosts to include, fitted to the server and to the library that it is
 * linked with.
 * @throws AppError ERR_UNSUPPORTED where these lack what the profile needs
 */
export async function hardenedInclude(
  server: 'nginx' | 'apache',
  { profile, name, program, signal }: HardenedIncludeOptions,
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<string> {
  const { version, library } = await detectServer(findServer(server), runtime, { program, signal })
  return hardenedSettings(server, {
    profile,
    version,
    library,
    madeBy: `certwright install ${server} ${name}`,
    isInPlace: true,
  }).text
}
