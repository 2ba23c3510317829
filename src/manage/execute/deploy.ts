/**
 * Making servers use a stored certificate, and proving it: inspect, switch the link, activate, look at every endpoint,
 * and put the old generation back where the new one is not seen.
 */

import { mapConcurrently } from '../../base/concurrent.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { minuteMs, secondMs } from '../../base/instant.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OnEvent } from '../events.ts'
import { type EndpointResult, endpointName } from '../observe/endpoint-result.ts'
import { probeEndpoint } from '../observe/probe.ts'
import { type CertificateSpec, type DeployTarget, targetName } from '../spec.ts'
import type { Deployment } from '../store/deployments.ts'
import { removeDeployments, writeDeployments } from '../store/deployments.ts'
import { switchLive } from '../store/generations.ts'
import { livePath } from '../store/paths.ts'
import { hasPrivateKey, type StoredCertificate } from '../store/stored-certificate.ts'

/** How long an endpoint may take to show the new certificate. */
export const servedWithinMs = minuteMs
const probe = { firstMs: 40, factor: 1.5, maxMs: 2 * secondMs } as const
const probeConcurrency = 10
/** nginx lets old and new workers accept side by side for 100 ms (its master process sleeps that long). */
const changeOverMs = 150

/** The outcome at one target. */
export type TargetResult = {
  readonly target: string
  readonly endpoints: readonly EndpointResult[]
  readonly notes: readonly string[]
  readonly error?: AppError
}

export type DeployOptions = {
  readonly spec: CertificateSpec
  readonly certificate: StoredCertificate
  /** The generation to return to; absent for a first certificate. */
  readonly previous: string | undefined
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type DeployRuntime = Pick<Runtime, 'files' | 'clock' | 'probeTls'>

type Work = {
  readonly name: string
  readonly deployer: Deployer
  endpoints: readonly Endpoint[]
  results: readonly EndpointResult[]
  notes: readonly string[]
  error: AppError | undefined
}

/**
 * Delivers a generation to every target of its spec and records the outcome.
 * @returns one result per target; a failed one carries its error. The link is switched to the new generation unless a
 * target's configuration was broken before, and switched back when an endpoint does not show the new leaf.
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function deployCertificate(
  state: string,
  options: DeployOptions,
  runtime: DeployRuntime,
): Promise<readonly TargetResult[]> {
  const { spec, certificate, previous, deployerFor, signal } = options
  const deployable: DeployableCertificate = {
    name: spec.name,
    identifiers: certificate.identifiers,
    liveDirectory: livePath(state, spec.name),
    fingerprint: certificate.fingerprint,
    ...(!hasPrivateKey(certificate) && { keyIsElsewhere: true }),
  }
  const works: Work[] = []
  for (const target of spec.deploy) {
    const work: Work = {
      name: targetName(target),
      deployer: await deployerFor(target),
      endpoints: [],
      results: [],
      notes: [],
      error: undefined,
    }
    works.push(work)
    await inspect(work, deployable, signal)
  }
  const broken = works.filter(({ error }) => isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE'))
  // A first certificate may be the very thing that the configuration was missing; and where the key is not ours, the earlier
  // certificate does not fit to it any more once the key has been replaced.
  const mayMend = previous === undefined || deployable.keyIsElsewhere === true
  const switching = mayMend || broken.length === 0
  if (switching) {
    await switchLive(state, spec.name, certificate.generation, runtime)
    if (mayMend) for (const work of broken) await inspect(work, deployable, signal)
  }
  const mended = broken.every(({ error }) => !isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE'))
  if (switching && !mended && previous !== undefined) await switchLive(state, spec.name, previous, runtime)
  else if (switching) {
    const ready = works.filter(({ error }) => error === undefined)
    const failed = await activateAndProbe(ready, options, runtime)
    if (failed && previous !== undefined) await putBack(state, previous, ready, options, runtime)
  }
  const deployments = works.map(work => toDeployment(work, certificate, runtime))
  if (deployments.length > 0) await writeDeployments(state, spec.name, deployments, runtime)
  else await removeDeployments(state, spec.name, runtime)
  return works.map(({ name, results, notes, error }) => ({
    target: name,
    endpoints: results,
    notes,
    ...(error && { error }),
  }))
}

/** Switches back, makes every server that was touched read the earlier certificate, and says so in its result. */
async function putBack(
  state: string,
  previous: string,
  works: readonly Work[],
  { spec, onEvent, signal }: DeployOptions,
  runtime: DeployRuntime,
): Promise<void> {
  const warn = (text: string) =>
    onEvent({ certificate: spec.name, step: 'deploying', level: 'warning', text })
  warn('putting the earlier certificate back')
  await switchLive(state, spec.name, previous, runtime)
  const culprit = works.find(({ error }) => error !== undefined)?.name ?? 'another target'
  for (const work of works) {
    work.error ??= new AppError(
      'ERR_DEPLOY',
      `${work.name} was given the earlier certificate again, because ${culprit} failed`,
    )
    await work.deployer
      .activate({ signal })
      .catch((error: unknown) => warn(`${work.name}: ${messageOf(error)}`))
  }
}

async function inspect(work: Work, certificate: DeployableCertificate, signal: AbortSignal): Promise<void> {
  if (certificate.keyIsElsewhere === true && work.deployer.needsKey === true) {
    work.error = new AppError(
      'ERR_DEPLOY',
      `${work.name} reads the private key, and that of ${certificate.name} is elsewhere: it is issued for a CSR`,
      { hint: 'take the target or csr out of the entry' },
    )
    return
  }
  const inspection = await work.deployer.inspect(certificate, { signal })
  work.error = inspection.state === 'ready' ? undefined : inspection.error
  work.endpoints = inspection.state === 'ready' ? inspection.endpoints : []
  work.notes = inspection.state === 'ready' ? inspection.notes : []
}

async function activateAndProbe(
  works: readonly Work[],
  options: DeployOptions,
  runtime: DeployRuntime,
): Promise<boolean> {
  const { spec, certificate, onEvent, signal } = options
  for (const work of works) {
    onEvent({ certificate: spec.name, step: 'deploying', level: 'step', text: `reloading ${work.name}` })
    try {
      await work.deployer.activate({ signal })
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error // the next run delivers again
      work.error = error
      return true // the targets after it are not touched: everything goes back
    }
    work.results = await probeUntilServed(work.endpoints, options, runtime)
    const missing = work.results.filter(({ fingerprint }) => fingerprint !== certificate.fingerprint)
    if (missing.length > 0) {
      const where = missing.map(describeMissing).join('\n')
      work.error = new AppError(
        'ERR_NOT_SERVED',
        `${work.name} was reloaded, but does not serve the new certificate\n${where}`,
        {
          hint: `look at the log of ${work.deployer.name}; then run: certwright deploy ${spec.name}`,
        },
      )
      return true
    }
  }
  return false
}

function describeMissing({ endpoint, failure, notAfter }: EndpointResult): string {
  const seen =
    failure ?? `another certificate${notAfter === undefined ? '' : ', the one that ends '}${notAfter ?? ''}`
  return `${endpointName(endpoint)}: ${seen}`
}

/**
 * Looks at every endpoint, again and again at growing steps, until all show the leaf or the time is over. Showing it
 * once is not enough: while a server changes over, processes with the old and with the new certificate answer in turn.
 */
async function probeUntilServed(
  endpoints: readonly Endpoint[],
  { spec, certificate, servedWithinMs: limitMs = servedWithinMs, onEvent, signal }: DeployOptions,
  { clock, probeTls }: DeployRuntime,
): Promise<readonly EndpointResult[]> {
  const start = clock.monotonic()
  let servedSince: number | undefined
  for (let round = 1; ; round++) {
    const results = await mapConcurrently(endpoints, probeConcurrency, endpoint =>
      probeEndpoint(endpoint, { signal }, { probeTls }),
    )
    const now = clock.monotonic()
    const done = results.filter(({ fingerprint }) => fingerprint === certificate.fingerprint).length
    const total = endpoints.length
    onEvent({
      certificate: spec.name,
      step: 'verifying',
      level: 'step',
      text: 'looking at what is served',
      done,
      total,
    })
    if (done < total) servedSince = undefined
    else if (total === 0 || now - (servedSince ??= now) >= changeOverMs) return results
    if (done < total && now - start >= limitMs) return results
    const pauseMs = servedSince === undefined ? probe.firstMs * probe.factor ** (round - 1) : changeOverMs
    await clock.sleep(Math.min(pauseMs, probe.maxMs), signal)
  }
}

function toDeployment(
  { name, results, error }: Work,
  { generation, fingerprint }: StoredCertificate,
  { clock }: Pick<Runtime, 'clock'>,
): Deployment {
  const endpoints = results
    .filter(result => result.fingerprint === fingerprint)
    .map(({ endpoint }) => endpoint)
  return {
    target: name,
    generation,
    at: clock.now(),
    seenAt: endpoints.map(endpointName),
    endpoints,
    ...(error && {
      failure: {
        code: error.code,
        message: error.message,
        ...(error.hint !== undefined && { hint: error.hint }),
      },
    }),
  }
}
