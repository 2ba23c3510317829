/**
 * The whole renewal with a CA whose certificates nobody trusts: a real challenge, a real delivery seen at every endpoint,
 * and then the certificate that counts put back and seen again.
 */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { minuteMs } from '../../base/instant.ts'
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import type { Deployer } from '../../contracts/deployer.ts'
import type { Solver } from '../../contracts/solver.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { createAccounts } from '../accounts.ts'
import { deployableOf, inspectTarget } from '../deployable.ts'
import type { OnEvent } from '../events.ts'
import type { UsableAccount } from '../execute/account.ts'
import { deployTogether, type TargetResult } from '../execute/deploy.ts'
import { issueCertificate } from '../execute/issue.ts'
import { createBudget } from '../limits/budget.ts'
import { endpointName } from '../observe/endpoint-result.ts'
import { type CertificateView, newest } from '../observe/observation.ts'
import { observeCertificate } from '../observe/observe.ts'
import type { AccountSettings, Authority, CertificateSpec, DeployTarget, SolverChoice } from '../spec.ts'
import { targetName } from '../spec.ts'
import { storeStep } from '../store/documents.ts'
import { type NewHistoryEntry, recordHistory } from '../store/history.ts'
import { takeLock } from '../store/locks.ts'
import { generationsPath } from '../store/paths.ts'
import { rehearsalGeneration, rehearsalState, removeRehearsal, stageRehearsal } from '../store/rehearsals.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** Another process may be delivering to the same server. */
const turnWaitMs = 5 * minuteMs
/** Putting back is not stopped with the rest: it has this long, which is more than servers are waited for. */
const putBackTimeoutMs = 5 * minuteMs

export type RehearseOptions = {
  readonly spec: CertificateSpec
  /** Of which nobody trusts anything; see `stagingFor`. */
  readonly staging: Authority
  /** Show it to servers; otherwise their configuration is only tested. */
  readonly deploy: boolean
  /** For authorities without settings of their own. */
  readonly account: AccountSettings
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

/** What was rehearsed, in this order. */
export const rehearsalSteps = ['issue', 'server', 'deliver', 'put-back'] as const
export type RehearsalStepName = (typeof rehearsalSteps)[number]

export type RehearsalStep = {
  readonly name: RehearsalStepName
  readonly text: string
  readonly ms: number
  readonly error?: AppError
}

/** It has succeeded when no step has an error; those after a failed one are not there, but for putting back. */
export type Rehearsal = {
  readonly steps: readonly RehearsalStep[]
  /** How long servers may have shown the test certificate; absent where they never did. */
  readonly shownMs?: number
}

/**
 * Rehearses the renewal of one certificate. What counts stays untouched: accounts, orders and limits of the real CA, and the
 * stored generations. A process that is killed while servers show the test certificate leaves that to the next apply.
 * @throws AppError ERR_DEPLOY where there is nothing good to put back, ERR_LOCKED, ERR_STORE, ERR_ABORTED
 */
export async function rehearse(
  state: string,
  options: RehearseOptions,
  runtime: Runtime,
): Promise<Rehearsal> {
  const { spec, staging, signal, onEvent } = options
  const { name } = spec
  const onWait = (holder: string) =>
    onEvent({
      certificate: name,
      step: 'waiting',
      level: 'step',
      text: `waiting for ${holder || 'another process'}`,
    })
  const about = { about: `rehearse ${name}`, onWait, signal }
  await using _lock = await takeLock(state, `certificate-${name}`, about, runtime)
  const view = await observeCertificate(state, name, runtime)
  const real = options.deploy && spec.deploy.length > 0 ? realCertificate(view) : undefined
  try {
    const stage = { real, isFirst: newest(view) === undefined }
    const rehearsal = await play(state, stage, options, runtime)
    await recordHistory(state, name, [historyOf(rehearsal, staging)], runtime)
    return rehearsal
  } finally {
    const own = generationsPath(rehearsalState(state), name)
    await storeStep(`remove ${own}`, () => runtime.files.remove(own))
  }
}

/** The generation that servers have, and will be given again; there may be none yet. */
function realCertificate(view: CertificateView): StoredCertificate | undefined {
  const { name, live, deployments, rehearsal } = view
  const current = newest(view)
  if (current === undefined) return undefined
  const delivered = deployments.every(
    ({ generation, failure }) => generation === current?.generation && failure === undefined,
  )
  if (rehearsal !== true && live?.generation === current.generation && delivered) return current
  throw new AppError(
    'ERR_DEPLOY',
    `${name} is not delivered as it should be, so a rehearsal could not put it back`,
    {
      hint: `certwright apply --only ${name} first; or rehearse the rest with --no-deploy`,
    },
  )
}

/** What there is before a rehearsal: a certificate to put back, where servers are to be shown another one; or none at all yet. */
type Stage = { readonly real: StoredCertificate | undefined; readonly isFirst: boolean }

async function play(
  state: string,
  stage: Stage,
  options: RehearseOptions,
  runtime: Runtime,
): Promise<Rehearsal> {
  const steps: RehearsalStep[] = []
  const step = async <T>(name: RehearsalStepName, work: () => Promise<Played<T>>): Promise<T | undefined> => {
    const began = runtime.clock.monotonic()
    const done = await work().catch((error: unknown): Played<T> => {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      return { text: error.message, error }
    })
    const ms = Math.round(runtime.clock.monotonic() - began)
    steps.push({ name, text: done.text, ms, ...(done.error !== undefined && { error: done.error }) })
    return done.error === undefined ? done.value : undefined
  }
  const { spec } = options
  const { real } = stage
  const issued = await step('issue', () => issue(state, options, runtime))
  const ready =
    issued && (await step('server', () => inspectServers(state, issued, { ...options, ...stage })))
  if (issued === undefined || ready === undefined || real === undefined) return { steps }
  const about = { about: `rehearse ${spec.name}`, waitMs: turnWaitMs, signal: options.signal }
  await using _turn = await takeLock(state, 'deliveries', about, runtime)
  await stageRehearsal(state, spec.name, issued.generation, runtime)
  const shownFrom = runtime.clock.monotonic()
  try {
    const test = { ...issued, generation: rehearsalGeneration }
    await step('deliver', () => deliver(state, test, real.generation, options, runtime))
  } finally {
    await step('put-back', () => putBack(state, real, options, runtime))
  }
  return { steps, shownMs: Math.round(runtime.clock.monotonic() - shownFrom) }
}

/** What a step came to. */
type Played<T> = { readonly text: string } & (
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: AppError }
)

async function issue(
  state: string,
  { spec, staging, account: settings, clientFor, solverFor, onEvent, signal }: RehearseOptions,
  runtime: Runtime,
): Promise<Played<StoredCertificate>> {
  const own = rehearsalState(state)
  const warn = (text: string) => onEvent({ certificate: spec.name, step: 'order', level: 'warning', text })
  const budgetFor = (authority: Authority) =>
    createBudget(authority, { state: own, onWarning: warn, signal }, runtime)
  const accountFor = createAccounts({ state: own, settings, clientFor, budgetFor, onEvent }, runtime)
  let used: UsableAccount | undefined
  const account = async (lost?: unknown): Promise<AccountKey> => {
    used = await accountFor(staging, { signal }, lost === undefined ? undefined : used)
    return used.key
  }
  const client = await clientFor(staging)
  const { profiles } = (await client.directory({ signal })).meta
  const certificate = await issueCertificate(
    own,
    {
      spec: standIn(spec, staging, profiles),
      view: await observeCertificate(own, spec.name, runtime),
      ...{ client, account, solverFor, onEvent, signal },
      budget: budgetFor(staging),
    },
    runtime,
  )
  const names = spec.identifiers.map(({ value }) => value).join(', ')
  return { text: `${staging.id} issued a certificate for ${names}`, value: certificate }
}

/** The same certificate from the other CA, which may not have what only the real one has. */
function standIn(
  spec: CertificateSpec,
  staging: Authority,
  profiles: ReadonlyMap<string, string>,
): CertificateSpec {
  const { preferredChain: _, profile, ...rest } = spec
  const kept = profile !== undefined && profiles.has(profile) && { profile }
  return { ...rest, ...kept, authority: staging, fallbacks: [], reuseKey: false }
}

/** Nothing is switched where a server could not even be told. */
async function inspectServers(
  state: string,
  certificate: StoredCertificate,
  { spec, isFirst, deployerFor, signal }: RehearseOptions & Stage,
): Promise<Played<true>> {
  const deployable = deployableOf(state, spec, certificate)
  const found: string[] = []
  for (const target of spec.deploy) {
    const inspection = await inspectTarget(await deployerFor(target), deployable, { signal })
    const name = targetName(target)
    if (inspection.state === 'ready')
      found.push(`${name}: its configuration is good, for ${endpointCount(inspection.endpoints.length)}`)
    else if (inspection.state === 'broken' && isFirst)
      found.push(`${name}: its configuration cannot be good before there is a certificate`)
    else return { text: inspection.error.message, error: inspection.error }
  }
  return { text: found.join('; ') || 'there are no targets', value: true }
}

async function deliver(
  state: string,
  certificate: StoredCertificate,
  previous: string,
  { spec, deployerFor, onEvent, signal }: RehearseOptions,
  runtime: Runtime,
): Promise<Played<readonly TargetResult[]>> {
  const delivery = { spec, certificate, previous }
  const [targets = []] = await deployTogether(state, [delivery], { deployerFor, onEvent, signal }, runtime)
  const error = targets.find(target => target.error !== undefined)?.error
  if (error !== undefined) return { text: error.message, error }
  return { text: `the test certificate was served by ${servedBy(targets)}`, value: targets }
}

/** Whatever happened before: what counts is delivered again, and seen. */
async function putBack(
  state: string,
  real: StoredCertificate,
  options: RehearseOptions,
  runtime: Runtime,
): Promise<Played<true>> {
  const { name } = options.spec
  const hint = `servers may still show the test certificate: certwright deploy ${name}, at once`
  const signal = AbortSignal.timeout(putBackTimeoutMs)
  let problem: unknown
  try {
    const played = await deliver(state, real, real.generation, { ...options, signal }, runtime)
    if (played.error === undefined) {
      await removeRehearsal(state, name, runtime)
      return { text: `the real certificate is served again by ${servedBy(played.value)}`, value: true }
    }
    problem = played.error
  } catch (error) {
    problem = error
  }
  const code = isAppError(problem) ? problem.code : 'ERR_DEPLOY'
  const error = new AppError(code === 'ERR_ABORTED' ? 'ERR_DEPLOY' : code, messageOf(problem), {
    hint,
    cause: problem,
  })
  // Also where the rest was cancelled, and nobody hears of this step.
  options.onEvent({
    certificate: name,
    step: 'deploying',
    level: 'warning',
    text: `${error.message}; ${hint}`,
  })
  return { text: error.message, error }
}

function servedBy(targets: readonly TargetResult[]): string {
  const seen = targets.flatMap(({ endpoints }) => endpoints.map(({ endpoint }) => endpointName(endpoint)))
  return seen.length === 0 ? 'servers that cannot be looked at' : seen.join(', ')
}

function endpointCount(count: number): string {
  return count === 1 ? '1 endpoint' : `${count} endpoints`
}

function historyOf({ steps, shownMs }: Rehearsal, { id }: Authority): NewHistoryEntry {
  const error = steps.find(step => step.error !== undefined)?.error
  if (error === undefined) {
    const shown = shownMs === undefined ? ', without showing it to servers' : ' and put back what counts'
    return { kind: 'rehearsed', text: `rehearsed with ${id}${shown}`, authority: id }
  }
  const { code, message, hint } = error
  const text = `the rehearsal with ${id} failed: ${message}`
  return { kind: 'rehearsed', text, code, authority: id, ...(hint !== undefined && { hint }) }
}
