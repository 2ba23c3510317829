/**
 * Making servers use a stored certificate, and proving it: inspect, switch the link, activate, look at every endpoint,
 * and put the old generation back where the new one is not seen.
 */

import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../contracts/deployer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { PreparedFiles } from '../../runtime/target-files.ts'
import { deployableOf, inspectTarget } from '../deployable.ts'
import type { OnEvent } from '../events.ts'
import { type EndpointResult, endpointName } from '../observe/endpoint-result.ts'
import { type CertificateSpec, type DeployTarget, targetHash, targetName } from '../spec.ts'
import type { Deployment } from '../store/deployments.ts'
import { readDeployments, removeDeployments, writeDeployments } from '../store/deployments.ts'
import { switchLive } from '../store/generations.ts'
import { generationPath } from '../store/paths.ts'
import { hasPrivateKey, type StoredCertificate } from '../store/stored-certificate.ts'
import { describeMissing, probeAll, probeUntilServed } from './served.ts'
import { conflictsOf } from './shared-copies.ts'

/** The outcome at one target. */
export type TargetResult = {
  readonly target: string
  readonly endpoints: readonly EndpointResult[]
  readonly notes: readonly string[]
  readonly error?: AppError
  /** It went back because of another target. */
  readonly isOthersFault?: boolean
}

/** A certificate on its way to the targets of its spec. */
export type Delivery = {
  readonly spec: CertificateSpec
  readonly certificate: StoredCertificate
  /** The generation to return to; absent for a first certificate. */
  readonly previous: string | undefined
  /** What is known of earlier deliveries: a target that has the generation already, untouched, is not disturbed. */
  readonly earlier?: readonly Deployment[]
}

export type DeployOptions = {
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type DeployRuntime = Pick<Runtime, 'files' | 'clock' | 'probeTls' | 'resolver'>

/** One certificate at one target. */
type Work = {
  readonly delivery: Delivery
  readonly deployable: DeployableCertificate
  readonly name: string
  readonly target: DeployTarget
  readonly deployer: Deployer
  /** The copies that its servers read, where they read copies. */
  prepared: PreparedFiles | undefined
  committed: boolean
  /** Its turn has come. */
  reached: boolean
  /** Its server does not run: files are put in place for when it is started. */
  stopped: boolean
  endpoints: readonly Endpoint[]
  servedWithinMs: number | undefined
  results: readonly EndpointResult[]
  notes: readonly string[]
  error: AppError | undefined
  isOthersFault: boolean
}

/**
 * Delivers generations to every target of their specs and records the outcome; all together, so that servers are told once.
 * @returns for each delivery one result per target; a failed one carries its error. The links are switched to the new
 * generations unless a target's configuration was broken before, and switched back, all of them, when an endpoint does not
 * show the new leaf.
 * @throws AppError ERR_STORE, ERR_ABORTED
 */
export async function deployTogether(
  state: string,
  deliveries: readonly Delivery[],
  options: DeployOptions,
  runtime: DeployRuntime,
): Promise<readonly (readonly TargetResult[])[]> {
  const works: Work[] = []
  for (const delivery of deliveries) {
    for (const target of delivery.spec.deploy) {
      const work: Work = {
        delivery,
        deployable: deployableOf(state, delivery.spec, delivery.certificate),
        name: targetName(target),
        target,
        deployer: await options.deployerFor(target),
        prepared: undefined,
        committed: false,
        reached: false,
        stopped: false,
        endpoints: [],
        servedWithinMs: undefined,
        results: [],
        notes: [],
        error: undefined,
        isOthersFault: false,
      }
      works.push(work)
      await inspect(work, options)
    }
  }
  const broken = works.filter(({ error }) => isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE'))
  const mayMend = deliveries.some(mayMendWhatIsBroken)
  const switching = mayMend || broken.length === 0
  const isSecond = ({ previous }: Delivery) => previous !== undefined
  try {
    if (switching) {
      for (const work of works) await prepareCopies(work, state, options)
      refuseConflicts(works)
      for (const { spec, certificate } of deliveries)
        await switchLive(state, spec.name, certificate.generation, runtime)
      if (mayMend) for (const work of broken) await inspect(work, options)
    }
    const mended = broken.every(({ error }) => !isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE'))
    if (switching && !mended && deliveries.some(isSecond)) await switchBack(state, deliveries, runtime)
    else if (switching) {
      const ready = works.filter(({ error }) => error === undefined)
      const failed = await activateAndProbe(ready, options, runtime)
      if (failed) {
        await putBack(state, ready, options, runtime)
        blameCulprit(ready)
      } else for (const work of works.filter(({ stopped }) => stopped)) await commitStopped(work)
      await keepCopies(works, options)
    }
  } finally {
    // What never got its name must not lie about; what did is dealt with above, or by the next run after an abort.
    for (const { prepared, committed } of works) if (!committed) await prepared?.undo().catch(() => {})
  }
  blameCulprit(works)
  const results: (readonly TargetResult[])[] = []
  for (const delivery of deliveries) {
    const own = works.filter(work => work.delivery === delivery)
    await recordDeployments(state, delivery, own, runtime)
    results.push(own.map(toResult))
  }
  return results
}

/**
 * A first certificate may be the very thing that the configuration was missing; and where the key is not ours, the earlier
 * certificate does not fit to it any more once the key has been replaced.
 */
function mayMendWhatIsBroken({ previous, certificate }: Delivery): boolean {
  return previous === undefined || !hasPrivateKey(certificate)
}

async function switchBack(
  state: string,
  deliveries: Iterable<Delivery>,
  runtime: DeployRuntime,
): Promise<void> {
  for (const { spec, previous } of deliveries) {
    if (previous !== undefined) await switchLive(state, spec.name, previous, runtime)
  }
}

/** The work at one target, which is told of all certificates at once. */
function byTarget(works: readonly Work[]): Iterable<readonly Work[]> {
  return Map.groupBy(works, ({ name, target }) => `${name} ${targetHash(target)}`).values()
}

/**
 * Switches back, makes every server that was touched read the earlier certificate, and says so in its result. Without an
 * earlier generation only copies go back, of the target that failed.
 */
async function putBack(
  state: string,
  works: readonly Work[],
  { onEvent, signal }: DeployOptions,
  runtime: DeployRuntime,
): Promise<void> {
  const culprit = works.find(({ error }) => error !== undefined)
  const touched = works.filter(
    work => work.delivery.previous !== undefined || (work === culprit && goesBack(work)),
  )
  const [first] = touched
  if (first === undefined) return
  const warn = (text: string, { delivery }: Work = first) =>
    onEvent({ certificate: delivery.spec.name, step: 'deploying', level: 'warning', text })
  warn('putting the earlier certificate back')
  await switchBack(state, new Set(works.map(({ delivery }) => delivery)), runtime)
  for (const group of byTarget(touched)) {
    for (const work of group) {
      work.isOthersFault = work.error === undefined
      work.error ??= new AppError(
        'ERR_DEPLOY',
        `${work.name} was given the earlier certificate again, because ${culprit?.name ?? 'another target'} failed`,
      )
      if (goesBack(work))
        await work.prepared?.undo().catch((error: unknown) => warn(complaint(work, error), work))
    }
    const reader = group.find(work => work.prepared === undefined || goesBack(work))
    await reader?.deployer
      .activate({ certificates: group.map(({ deployable }) => deployable), goingBack: true, signal })
      .catch((error: unknown) => warn(complaint(reader, error), reader))
  }
}

/** Who was not told, because the failure of another came first or nothing was switched, has not got the certificate. */
function blameCulprit(works: readonly Work[]): void {
  const culprit = works.find(({ error, isOthersFault }) => error !== undefined && !isOthersFault)
  for (const work of works) {
    if (work.error !== undefined || work.reached) continue
    work.isOthersFault = true
    work.error = new AppError(
      'ERR_DEPLOY',
      `${work.name} was not given the certificate yet, because ${culprit?.name ?? 'another target'} failed`,
    )
  }
}

function complaint({ name }: Work, error: unknown): string {
  return `${name}: ${messageOf(error)}`
}

/** Whether there are copies to put back. Where nothing lay there before, a server may be unable to start without them. */
function goesBack({ prepared, committed }: Work): boolean {
  return committed && prepared?.replaces === true
}

/** Makes the copies ready before anything is switched. What cannot be written fails this target alone. */
async function prepareCopies(
  work: Work,
  state: string,
  { signal }: Pick<DeployOptions, 'signal'>,
): Promise<void> {
  if ((work.error !== undefined && !work.stopped) || work.deployer.prepare === undefined) return
  const { spec, certificate } = work.delivery
  const directory = generationPath(state, spec.name, certificate.generation)
  try {
    work.prepared = await work.deployer.prepare(work.deployable, { directory, signal })
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    work.error = error
  }
}

/** Fails those that would write over each other's files. */
function refuseConflicts(works: readonly Work[]): void {
  const takers = works.flatMap(({ name, delivery, prepared }, index) =>
    prepared === undefined ? [] : [{ name, certificate: delivery.spec.name, copies: prepared.copies, index }],
  )
  for (const [{ index }, error] of conflictsOf(takers)) {
    const work = works[index]
    if (work !== undefined) Object.assign(work, { error, stopped: false })
  }
}

/** Nobody reads them yet, so there is nothing to prove. */
async function commitStopped(work: Work): Promise<void> {
  try {
    await work.prepared?.commit()
    work.committed = work.prepared !== undefined
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    work.error = error
  }
}

/** Forgets what the copies replaced, but for those that were put back. */
async function keepCopies(works: readonly Work[], { onEvent }: DeployOptions): Promise<void> {
  for (const work of works) {
    if (!work.committed || (work.error !== undefined && !work.stopped && goesBack(work))) continue
    await work.prepared?.keep().catch((error: unknown) => {
      const { name } = work.delivery.spec
      onEvent({ certificate: name, step: 'deploying', level: 'warning', text: complaint(work, error) })
    })
  }
}

async function inspect(work: Work, { signal }: Pick<DeployOptions, 'signal'>): Promise<void> {
  const { deployable, deployer, name } = work
  if (deployable.keyIsElsewhere === true && deployer.needsKey === true) {
    work.error = new AppError(
      'ERR_DEPLOY',
      `${name} reads the private key, and that of ${deployable.name} is elsewhere: it is issued for a CSR`,
      { hint: 'take the target or csr out of the entry' },
    )
    return
  }
  const inspection = await inspectTarget(deployer, deployable, { signal })
  work.error = inspection.state === 'ready' ? undefined : inspection.error
  work.stopped = inspection.state === 'not-running'
  work.servedWithinMs = inspection.state === 'ready' ? inspection.servedWithinMs : undefined
  work.endpoints = inspection.state === 'ready' ? inspection.endpoints : []
  work.notes = inspection.state === 'ready' ? inspection.notes : []
}

/** @returns whether something failed; the targets after it are not touched then: everything goes back */
async function activateAndProbe(
  works: readonly Work[],
  options: DeployOptions,
  runtime: DeployRuntime,
): Promise<boolean> {
  for (const group of byTarget(works)) {
    const disturbed: Work[] = []
    try {
      for (const work of group) {
        work.reached = true
        work.committed = work.prepared !== undefined
        await work.prepared?.commit()
        if (!(await isUndisturbed(work, options, runtime))) disturbed.push(work)
      }
      await activate(disturbed, options)
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error // the next run delivers again
      for (const work of group) work.error = error
      return true
    }
    await Promise.all(disturbed.map(work => requireServed(work, options, runtime)))
    if (disturbed.some(({ error }) => error !== undefined)) return true
  }
  return false
}

async function activate(works: readonly Work[], { onEvent, signal }: DeployOptions): Promise<void> {
  const [first] = works
  if (first === undefined || first.deployer.isSilent === true) return
  const { delivery, name, deployer } = first
  onEvent({ certificate: delivery.spec.name, step: 'deploying', level: 'step', text: `reloading ${name}` })
  await deployer.activate({ certificates: works.map(({ deployable }) => deployable), signal })
}

async function requireServed(work: Work, options: DeployOptions, runtime: DeployRuntime): Promise<void> {
  const { spec, certificate } = work.delivery
  const { servedWithinMs = options.servedWithinMs } = work
  const limit = servedWithinMs === undefined ? {} : { servedWithinMs }
  work.results = await probeUntilServed(work.endpoints, { ...options, ...limit, spec, certificate }, runtime)
  const missing = work.results.filter(({ fingerprint }) => fingerprint !== certificate.fingerprint)
  if (missing.length === 0) return
  const where = missing.map(describeMissing).join('\n')
  work.error = new AppError(
    'ERR_NOT_SERVED',
    `${work.name} ${work.deployer.isSilent === true ? 'was given it' : 'was reloaded'}, but does not serve the new certificate\n${where}`,
    {
      hint: `look at the log of ${work.prepared === undefined ? work.deployer.name : 'the server'}; then run: certwright deploy ${spec.name}`,
    },
  )
}

/** Whether a target has the generation already: by what is known of it, by its copies, and by what its endpoints show. */
async function isUndisturbed(
  work: Work,
  { signal }: Pick<DeployOptions, 'signal'>,
  runtime: DeployRuntime,
): Promise<boolean> {
  const { certificate, earlier = [] } = work.delivery
  const last = earlier.find(({ target }) => target === work.name)
  const isKnown = last?.generation === certificate.generation && last.failure === undefined
  if (!isKnown || work.prepared === undefined || work.prepared.changes) return false
  const results = await probeAll(work.endpoints, { signal }, runtime)
  if (results.some(({ fingerprint }) => fingerprint !== certificate.fingerprint)) return false
  work.results = results
  return true
}

async function recordDeployments(
  state: string,
  { spec, certificate }: Delivery,
  works: readonly Work[],
  runtime: DeployRuntime,
): Promise<void> {
  // Damage is seen elsewhere, and nothing but this memory is lost with it.
  const before = await readDeployments(state, spec.name, runtime).catch(() => [])
  const deployments = works.map(work => toDeployment(work, certificate, before, runtime))
  if (deployments.length > 0) await writeDeployments(state, spec.name, deployments, runtime)
  else await removeDeployments(state, spec.name, runtime)
}

function toResult({ name, results, notes, error, isOthersFault, delivery }: Work): TargetResult {
  return {
    ...{ target: name, endpoints: results, notes: [...notes, ...bareNotes(results, delivery.certificate)] },
    ...(error && { error }),
    ...(isOthersFault && { isOthersFault }),
  }
}

const nothing = sha256Hex('')

/** A certificate without its intermediates is seen and is what was delivered, and half of all clients refuse it. */
function bareNotes(
  results: readonly EndpointResult[],
  { files, fingerprint }: StoredCertificate,
): readonly string[] {
  if (files['chain.pem'] === nothing) return []
  return results
    .filter(seen => seen.fingerprint === fingerprint && seen.chainLength === 1)
    .map(
      ({ endpoint }) =>
        `${endpointName(endpoint)}: no intermediate is sent; have the server read fullchain.pem`,
    )
}

function toDeployment(
  { name, target, results, prepared, error }: Work,
  { generation, fingerprint }: StoredCertificate,
  before: readonly Deployment[],
  { clock }: Pick<Runtime, 'clock'>,
): Deployment {
  const last = before.find(one => one.target === name && one.generation === generation)
  const goodAt = last?.failure === undefined ? last?.at : last.goodAt
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
    ...(error && goodAt !== undefined && { goodAt }),
    ...(error && {
      failure: {
        code: error.code,
        message: error.message,
        ...(error.hint !== undefined && { hint: error.hint }),
      },
    }),
  }
}
