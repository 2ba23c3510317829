/** What one endpoint serves. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { type AppError, isAppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import { endpointsByAddress, hasNoRoute } from './addresses.ts'
import type { EndpointResult } from './endpoint-result.ts'

/** Handshakes under way at once for one name. */
const addressConcurrency = 4

/**
 * Makes one handshake with each address of the endpoint's host; a failure is a value. Where they do not all show the same,
 * nothing is taken to be served.
 * @throws AppError ERR_ABORTED
 */
export async function probeEndpoint(
  endpoint: Endpoint,
  options: { readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'probeTls' | 'resolver'>,
): Promise<EndpointResult> {
  // A name that only the system itself can find is left to it.
  const found = await endpointsByAddress(endpoint, options, runtime).catch(orEmpty)
  const [only = endpoint, ...others] = found
  if (others.length === 0) return { ...(await probeAddress(only, options, runtime)).result, endpoint }
  const all = await mapConcurrently(found, addressConcurrency, one => probeAddress(one, options, runtime))
  const reached = all.filter(({ error }) => error === undefined || !hasNoRoute(error))
  const results = (reached.length === 0 ? all : reached).map(({ result }) => result)
  const failed = results.find(({ failure }) => failure !== undefined)
  const [first] = results
  if (failed !== undefined || first === undefined)
    return { endpoint, ...(failed?.failure !== undefined && { failure: failed.failure }) }
  const other = results.find(({ fingerprint }) => fingerprint !== first.fingerprint)
  if (other === undefined) return { ...first, endpoint }
  const failure = `its addresses show different certificates: ${shown(first)}, ${shown(other)}`
  return { endpoint, failure }
}

function shown({ endpoint: { host }, notAfter = '' }: EndpointResult): string {
  return `${host} one that ends ${notAfter}`
}

function orEmpty(error: unknown): readonly Endpoint[] {
  if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
  return []
}

async function probeAddress(
  endpoint: Endpoint,
  { signal }: { readonly signal: AbortSignal },
  { probeTls }: Pick<Runtime, 'probeTls'>,
): Promise<{ readonly result: EndpointResult; readonly error?: AppError }> {
  try {
    const { leaf, chain, protocol } = await probeTls(endpoint, { signal })
    const { fingerprint, notAfter } = parseCertificate(leaf)
    const until = formatInstant(notAfter)
    return { result: { endpoint, fingerprint, notAfter: until, chainLength: chain.length, protocol } }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { result: { endpoint, failure: error.message }, error }
  }
}
