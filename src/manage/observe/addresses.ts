/** The addresses behind the name of an endpoint. */
import { parseIpAddress } from '../../acme/identifier.ts'
import { type AppError, isAppError, systemCodeOf } from '../../base/errors.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** More than any service has. */
const maxAddresses = 50

/**
 * One endpoint for each address that the host has now, each asked by the name. This machine's own name is not taken apart:
 * it may mean either family.
 * @returns none where the name has no address
 * @throws AppError ERR_NETWORK, ERR_TIMEOUT, ERR_ABORTED
 */
export async function endpointsByAddress(
  endpoint: Endpoint,
  { signal }: { readonly signal: AbortSignal },
  { resolver }: Pick<Runtime, 'resolver'>,
): Promise<readonly Endpoint[]> {
  const { host, serverName = host } = endpoint
  if (parseIpAddress(host) !== undefined) return [endpoint]
  if (host === 'localhost') return [{ ...endpoint, serverName }]
  const addresses = await resolver.addresses(host, { signal })
  return addresses.slice(0, maxAddresses).map(address => ({ ...endpoint, host: address, serverName }))
}

/** Whether this machine has no way to an address, as one without IPv6; it says nothing about the server. */
export function hasNoRoute(error: AppError): boolean {
  return (
    noRouteCodes.has(systemCodeOf(error.cause) ?? '') || (isAppError(error.cause) && hasNoRoute(error.cause))
  )
}

const noRouteCodes: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'])
