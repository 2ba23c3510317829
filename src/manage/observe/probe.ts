/** What one endpoint serves. */
import { isAppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import type { EndpointResult } from './endpoint-result.ts'

/** Makes one handshake; a failure is a value. */
export async function probeEndpoint(
  endpoint: Endpoint,
  { signal }: { readonly signal: AbortSignal },
  { probeTls }: Pick<Runtime, 'probeTls'>,
): Promise<EndpointResult> {
  try {
    const { leaf, chain, protocol } = await probeTls(endpoint, { signal })
    const { fingerprint, notAfter } = parseCertificate(leaf)
    return { endpoint, fingerprint, notAfter: formatInstant(notAfter), chainLength: chain.length, protocol }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { endpoint, failure: error.message }
  }
}
