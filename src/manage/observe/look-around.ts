/** All that is behind one endpoint: every address of its name, and both certificates where there are two. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { KeyKind } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { endpointsByAddress, hasNoRoute } from './addresses.ts'
import { type EndpointLook, type LookOptions, lookAtEndpoint } from './endpoint-look.ts'

/** Handshakes under way at once for one name. */
const lookConcurrency = 10

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
  return withoutRoutes(looks.flat())
}

/** Where other addresses were reached, those that this machine has no way to are no fault of the server. */
function withoutRoutes(looks: readonly EndpointLook[]): readonly EndpointLook[] {
  if (looks.every(look => 'error' in look)) return looks
  return looks.map(look => ('error' in look && hasNoRoute(look.error) ? { ...look, noRoute: true } : look))
}

async function addressesOf(
  endpoint: Endpoint,
  options: LookOptions,
  runtime: Pick<Runtime, 'resolver'>,
): Promise<{ readonly endpoints: readonly Endpoint[] } | { readonly error: AppError }> {
  try {
    const endpoints = await endpointsByAddress(endpoint, options, runtime)
    return endpoints.length === 0 ? { error: noAddress(endpoint.host) } : { endpoints }
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
