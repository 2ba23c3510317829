/** What one endpoint serves. */
import { isAppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { parseCertificate } from '../../x509/certificate.ts'

export type EndpointResult = {
  readonly endpoint: Endpoint
  /** SHA-256 of the leaf that was served, lower-case hex. */
  readonly fingerprint?: string
  /** RFC 3339 text, for people. */
  readonly notAfter?: string
  readonly chainLength?: number
  readonly protocol?: string
  /** Why nothing was seen. */
  readonly failure?: string
}

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

/** `www.example.com at [::1]:443`. */
export function endpointName({ host, port, serverName }: Endpoint): string {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return serverName === undefined ? address : `${serverName} at ${address}`
}
