/**
 * Making servers use a stored certificate, and proving it: inspect, switch the link, activate, look at every endpoint,
 * and put the old generation back where the new one is not seen.
 */

import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { PreparedFiles } from '../../runtime/target-files.ts'
import type { OnEvent } from '../events.ts'
import { type EndpointResult, endpointName } from '../observe/endpoint-result.ts'
import { type CertificateSpec, type DeployTarget, targetHash, targetName } from '../spec.ts'
import type { Deployment } from '../store/deployments.ts'
import { removeDeployments, writeDeployments } from '../store/deployments.ts'
import { switchLive } from '../store/generations.ts'
import { generationPath, livePath } from '../store/paths.ts'
import { hasPrivateKey, type StoredCertificate } from '../store/stored-certificate.ts'
import { describeMissing, probeAll, probeUntilServed } from './served.ts'

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
  /** What is known of earlier deliveries: a target that has the generation already, untouched, is not disturbed. */
  readonly earlier?: readonly Deployment[]
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type DeployRuntime = Pick<Runtime, 'files' | 'clock' | 'probeTls'>

type Work = {
  readonly name: string
  readonly target: DeployTarget
  readonly deployer: Deployer
  /** The copies that its servers read, where they read copies. */
  prepared: PreparedFiles | undefined
  committed: boolean
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
      target,
      deployer: await deployerFor(target),
      prepared: undefined,
      committed: false,
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
  try {
    if (switching) {
      for (const work of works) await prepareCopies(work, deployable, state, options)
      await switchLive(state, spec.name, certificate.generation, runtime)
      if (mayMend) for (const work of broken) await inspect(work, deployable, signal)
    }
    const mended = broken.every(({ error }) => !isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE'))
    if (switching && !mended && previous !== undefined) await switchLive(state, spec.name, previous, runtime)
    else if (switching) {
      const ready = works.filter(({ error }) => error === undefined)
      const failed = await activateAndProbe(ready, options, runtime)
      if (failed) await putBack(state, ready, options, runtime)
      await keepCopies(works, options)
    }
  } finally {
    // What never got its name must not lie about; what did is dealt with above, or by the next run after an abort.
    for (const { prepared, committed } of works) if (!committed) await prepared?.undo().catch(() => {})
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

/**
 * Switches back, makes every server that was touched read the earlier certificate, and says so in its result. Without an
 * earlier generation only copies go back, of the target that failed.
 */
async function putBack(
  state: string,
  works: readonly Work[],
  { spec, previous, onEvent, signal }: DeployOptions,
  runtime: DeployRuntime,
): Promise<void> {
  const culprit = works.find(({ error }) => error !== undefined)
  const touched = previous === undefined ? works.filter(work => work === culprit && goesBack(work)) : works
  if (touched.length === 0) return
  const warn = (text: string) =>
    onEvent({ certificate: spec.name, step: 'deploying', level: 'warning', text })
  warn('putting the earlier certificate back')
  if (previous !== undefined) await switchLive(state, spec.name, previous, runtime)
  for (const work of touched) {
    work.error ??= new AppError(
      'ERR_DEPLOY',
      `${work.name} was given the earlier certificate again, because ${culprit?.name ?? 'another target'} failed`,
    )
    const complain = (error: unknown) => warn(`${work.name}: ${messageOf(error)}`)
    if (goesBack(work)) await work.prepared?.undo().catch(complain)
    if (work.prepared === undefined || goesBack(work))
      await work.deployer.activate({ signal }).catch(complain)
  }
}

/** Whether there are copies to put back. Where nothing lay there before, a server may be unable to start without them. */
function goesBack({ prepared, committed }: Work): boolean {
  return committed && prepared?.replaces === true
}

/** Makes the copies ready before anything is switched. What cannot be written fails this target alone. */
async function prepareCopies(
  work: Work,
  certificate: DeployableCertificate,
  state: string,
  { spec, certificate: { generation }, signal }: DeployOptions,
): Promise<void> {
  if (work.error !== undefined || work.deployer.prepare === undefined) return
  const directory = generationPath(state, spec.name, generation)
  try {
    work.prepared = await work.deployer.prepare(certificate, { directory, signal })
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    work.error = error
  }
}

/** Forgets what the copies replaced, but for those that were put back. */
async function keepCopies(works: readonly Work[], { spec, onEvent }: DeployOptions): Promise<void> {
  for (const work of works) {
    if (!work.committed || (work.error !== undefined && goesBack(work))) continue
    await work.prepared?.keep().catch((error: unknown) => {
      const text = `${work.name}: ${messageOf(error)}`
      onEvent({ certificate: spec.name, step: 'deploying', level: 'warning', text })
    })
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
    try {
      work.committed = work.prepared !== undefined
      await work.prepared?.commit()
      if (await isUndisturbed(work, options, runtime)) continue
      onEvent({ certificate: spec.name, step: 'deploying', level: 'step', text: `reloading ${work.name}` })
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
          hint: `look at the log of ${work.prepared === undefined ? work.deployer.name : 'the server'}; then run: certwright deploy ${spec.name}`,
        },
      )
      return true
    }
  }
  return false
}

/** Whether a target has the generation already: by what is known of it, by its copies, and by what its endpoints show. */
async function isUndisturbed(
  work: Work,
  { certificate, earlier = [], signal }: DeployOptions,
  { probeTls }: DeployRuntime,
): Promise<boolean> {
  const last = earlier.find(({ target }) => target === work.name)
  const isKnown = last?.generation === certificate.generation && last.failure === undefined
  if (!isKnown || work.prepared === undefined || work.prepared.changes) return false
  const results = await probeAll(work.endpoints, { signal }, { probeTls })
  if (results.some(({ fingerprint }) => fingerprint !== certificate.fingerprint)) return false
  work.results = results
  return true
}

function toDeployment(
  { name, target, results, prepared, error }: Work,
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
    ...(prepared && !error && { copies: prepared.copies, copiedBy: targetHash(target) }),
    ...(error && {
      failure: {
        code: error.code,
        message: error.message,
        ...(error.hint !== undefined && { hint: error.hint }),
      },
    }),
  }
}
