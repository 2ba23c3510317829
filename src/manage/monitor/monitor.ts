/** A round over the monitored endpoints. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { type AppError, isAppError } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import type { MonitoredEndpoint } from '../spec.ts'
import { type CheckOptions, checkEndpoint, type JudgedLook } from './check-endpoint.ts'
import {
  type EndpointRecord,
  type LookRecord,
  readEndpointRecords,
  writeEndpointRecords,
} from './endpoint-records.ts'
import { readStoredNow, type StoredNow } from './stored-now.ts'

/** Endpoints that are looked at at once. */
const roundConcurrency = 10
/** A packet that was lost is no endpoint that is down: whatever is not seen is looked at once more. */
const secondLookAfterMs = 5 * secondMs

export type Round = {
  readonly records: readonly EndpointRecord[]
  /** What a person should know of the round itself. */
  readonly problems: readonly AppError[]
}

type MonitorRuntime = Pick<Runtime, 'clock' | 'files' | 'probeTls' | 'resolver' | 'systemRoots'>

/**
 * Looks at all of them, and writes down what was seen. Where there are none, what was written down before is cleared.
 * @throws AppError ERR_ABORTED
 */
export async function monitorEndpoints(
  state: string,
  endpoints: readonly MonitoredEndpoint[],
  { signal }: { readonly signal: AbortSignal },
  runtime: MonitorRuntime,
): Promise<Round> {
  const problems: AppError[] = []
  const orTell = async <T>(step: () => Promise<T>, instead: T): Promise<T> => {
    try {
      return await step()
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      problems.push(error)
      return instead
    }
  }
  if (endpoints.length === 0) {
    const before = await orTell(() => readEndpointRecords(state, runtime), [])
    if (before.length > 0) await orTell(() => writeEndpointRecords(state, [], runtime), undefined)
    return { records: [], problems }
  }
  const stored = await orTell<readonly StoredNow[]>(() => readStoredNow(state, runtime), [])
  const records = await mapConcurrently(endpoints, roundConcurrency, monitored =>
    recordOf(monitored, { state, stored, signal }, runtime),
  )
  await orTell(() => writeEndpointRecords(state, records, runtime), undefined)
  return { records, problems }
}

async function recordOf(
  monitored: MonitoredEndpoint,
  options: CheckOptions,
  runtime: MonitorRuntime,
): Promise<EndpointRecord> {
  let looks = await checkEndpoint(monitored, options, runtime)
  if (looks.some(({ look }) => 'error' in look)) {
    await runtime.clock.sleep(secondLookAfterMs, options.signal)
    looks = await checkEndpoint(monitored, options, runtime)
  }
  return { endpoint: monitored.text, at: runtime.clock.now(), looks: looks.map(lookRecord) }
}

function lookRecord({ look, findings }: JudgedLook): LookRecord {
  const where = endpointName(look.endpoint)
  if ('error' in look) return { where, findings }
  const { fingerprint, notAfter } = look.seen
  return { where, fingerprint, notAfter, findings }
}
