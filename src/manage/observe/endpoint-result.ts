/** What was seen at one endpoint. */
import type { Endpoint } from '../../contracts/deployer.ts'
import { formatEndpoint } from '../../runtime/endpoint-text.ts'

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

/** `www.example.com at smtp://[::1]:25`, with the kind of key where there are two certificates. */
export function endpointName({ serverName, keyKind, ...address }: Endpoint): string {
  const where = formatEndpoint(address)
  const place = serverName === undefined ? where : `${serverName} at ${where}`
  return keyKind === undefined ? place : `${place} (${keyKind.toUpperCase()})`
}
