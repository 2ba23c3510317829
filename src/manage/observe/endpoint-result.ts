/** What was seen at one endpoint. */
import type { Endpoint } from '../../contracts/deployer.ts'

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

/** `www.example.com at [::1]:443`. */
export function endpointName({ host, port, serverName }: Endpoint): string {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return serverName === undefined ? address : `${serverName} at ${address}`
}
