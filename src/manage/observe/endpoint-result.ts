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

/** `www.example.com at smtp://[::1]:25`, with the kind of key where there are two certificates. */
export function endpointName({ host, port, serverName, startTls, keyKind }: Endpoint): string {
  const plain = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const address = startTls === undefined ? plain : `${startTls}://${plain}`
  const place = serverName === undefined ? address : `${serverName} at ${address}`
  return keyKind === undefined ? place : `${place} (${keyKind.toUpperCase()})`
}
