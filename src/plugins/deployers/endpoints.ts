/** Endpoints as a target's configuration names them. */
import { isWildcard } from '../../acme/identifier.ts'
import { parseDurationMs } from '../../base/duration.ts'
import type { DeployableCertificate, Endpoint } from '../../contracts/deployer.ts'
import type { EndpointOptions } from '../../contracts/files-target.ts'
import { parseEndpoint } from '../../runtime/endpoint-text.ts'

/**
 * Where to look, and by which name: the configured one, else the first of the certificate.
 * @param source - what the endpoints belong to, for people
 */
export function endpointsOf(
  { endpoints = [], 'server-name': serverName }: EndpointOptions,
  { identifiers }: DeployableCertificate,
  source: string,
): readonly Endpoint[] {
  const named = identifiers.find(one => one.type === 'dns' && !isWildcard(one))?.value
  const wild = identifiers.find(isWildcard)?.value.replace('*', 'www')
  return endpoints.flatMap(endpoint => {
    const address = parseEndpoint(endpoint)
    return address === undefined ? [] : [{ ...address, serverName: serverName ?? named ?? wild, source }]
  })
}

/** What people should know of a target that nobody looks at. */
export function endpointNotes(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.length === 0
    ? ['no endpoints are configured, so whether a server uses the files is not looked at']
    : []
}

/** How long it may take until the new certificate is seen, where that is configured. */
export function servedWithin({ 'served-within': text }: EndpointOptions): {
  readonly servedWithinMs?: number
} {
  return text === undefined ? {} : { servedWithinMs: parseDurationMs(text) }
}
