/** The signing requests that entries name. */
import { isAppError, messageOf } from '../../base/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { CertificateRequest } from '../certificate-request.ts'

/** A request, or why there is none that could be used. */
export type NamedRequest = CertificateRequest | { readonly problem: string; readonly hint?: string }

/** Reads them once each; what is wrong with a file is a value. */
export async function readRequests(
  paths: ReadonlySet<string>,
  { files }: Pick<Runtime, 'files'>,
): Promise<ReadonlyMap<string, NamedRequest>> {
  const requests = new Map<string, NamedRequest>()
  for (const path of paths) requests.set(path, await readRequest(path, { files }))
  return requests
}

async function readRequest(path: string, { files }: Pick<Runtime, 'files'>): Promise<NamedRequest> {
  const { readCertificateRequest } = await import('../certificate-request.ts') // loads node:crypto
  try {
    const facts = await files.facts(path)
    // Whoever can put another key into it gets a certificate for our names.
    if (facts?.kind === 'file' && (facts.mode & 0o002) !== 0)
      return { problem: `${path} can be changed by every user of this machine`, hint: `chmod o-w ${path}` }
    const content = await files.read(path)
    if (content === undefined) return { problem: `there is no file ${path}` }
    return readCertificateRequest(content)
  } catch (error) {
    const hint = isAppError(error) ? error.hint : 'check the permissions, or run as the user that owns it'
    return { problem: `${path} cannot be used: ${messageOf(error)}`, ...(hint !== undefined && { hint }) }
  }
}
