/** All that is behind one endpoint: every address of its name, and both certificates where there are two. */
import { parseIpAddress } from '../../acme/identifier.ts'
import { mapConcurrently } from '../../base/concurrent.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { KeyKind } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type EndpointLook, type LookOptions, lookAtEndpoint } from './endpoint-look.ts'

/** Handshakes under way at once for one name. */
const lookConcurrency = 10
/** More addresses than any service has. */
const maxAddresses = 50

export type LookAroundOptions = LookOptions & {
  /** Also look for a certificate with the other kind of key. */
  readonly bothKinds?: boolean
}

type LookRuntime = Pick<Runtime, 'probeTls' | 'systemRoots' | 'clock' | 'resolver'>

/**
 * Looks at every address that the endpoint's host has now. Failures are values, also where a name has no address.
 * @throws AppError ERR_ABORTED
 */
export async function lookAround(
  endpoint: Endpoint,
  { bothKinds = false, ...options }: LookAroundOptions,
  runtime: LookRuntime,
): Promise<readonly EndpointLook[]> {
  const addressed = await addressesOf(endpoint, options, runtime)
  if ('error' in addressed) return [{ endpoint, error: addressed.error }]
  const looks = await mapConcurrently(addressed.endpoints, lookConcurrency, one =>
    bothKinds ? lookAtBothKinds(one, options, runtime) : lookAtOne(one, options, runtime),
  )
  return looks.flat()
}

/** One endpoint for each address; this machine's own name is not taken apart, as it may mean either family. */
async function addressesOf(
  endpoint: Endpoint,
  { signal }: LookOptions,
  { resolver }: Pick<Runtime, 'resolver'>,
): Promise<{ readonly endpoints: readonly Endpoint[] } | { readonly error: AppError }> {
  const { host, serverName = host } = endpoint
  if (parseIpAddress(host) !== undefined) return { endpoints: [endpoint] }
  if (host === 'localhost') return { endpoints: [{ ...endpoint, serverName }] }
  try {
    const found = await resolver.addresses(host, { signal })
    if (found.length === 0) return { error: noAddress(host) }
    return {
      endpoints: found.slice(0, maxAddresses).map(address => ({ ...endpoint, host: address, serverName })),
    }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { error }
  }
}

function noAddress(host: string): AppError {
  const hint = 'see that the name is spelled right, and that it has A or AAAA records'
  return new AppError('ERR_NETWORK', `${host} has no address in DNS`, { hint })
}

async function lookAtOne(
  endpoint: Endpoint,
  options: LookOptions,
  runtime: LookRuntime,
): Promise<readonly EndpointLook[]> {
  return [await lookAtEndpoint(endpoint, options, runtime)]
}

/** What any client gets, and what one gets that can only do the other kind of key, where that is another certificate. */
async function lookAtBothKinds(
  endpoint: Endpoint,
  options: LookOptions,
  runtime: LookRuntime,
): Promise<readonly EndpointLook[]> {
  const first = await lookAtEndpoint(endpoint, options, runtime)
  if ('error' in first || first.seen.keyKind === undefined || endpoint.keyKind !== undefined) return [first]
  const { keyKind } = first.seen
  const otherKind: KeyKind = keyKind === 'rsa' ? 'ecdsa' : 'rsa'
  const second = await lookAtEndpoint({ ...endpoint, keyKind: otherKind }, options, runtime)
  // A server that has only the one refuses the handshake.
  if ('error' in second || second.seen.keyKind !== otherKind) return [first]
  return [{ ...first, endpoint: { ...endpoint, keyKind } }, second]
}
