/** Certificates and keys that a server is going to read, looked at before it does. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { pairProblem } from './pair.ts'
import type { CertificatePlace } from './place.ts'
import { readText } from './read-text.ts'

/** Who would read them, and what would become of it: `would end`. */
export type Reader = { readonly server: string; readonly effect: string }

/**
 * The first pair with which a server could not go on, for those whose own test does not look. All places count: a server
 * that cannot load one certificate may serve none.
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where a file cannot be read
 */
export async function badPair(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  places: readonly CertificatePlace[],
  { server, effect }: Reader,
  runtime: Pick<Runtime, 'files'>,
): Promise<AppError | undefined> {
  for (const { certificateFile, keyFile, source } of places) {
    const [certificate, key] = [await readText(certificateFile, runtime), await readText(keyFile, runtime)]
    const problem = pairProblem({ certificate, key })
    if (problem === undefined) continue
    const files = [...new Set([certificateFile, keyFile])].map(path => printable(path)).join(' and ')
    return new AppError(
      code,
      `${server} ${effect} when it is reloaded, because of ${files} (${source}): ${problem}`,
      { hint: 'put a certificate and its key there, or take them out of the configuration' },
    )
  }
  return undefined
}
