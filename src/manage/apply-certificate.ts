/** Carrying out what is planned for one certificate, or for the two of a pair, under their locks. */

import { AppError, isAppError, messageOf } from '../base/errors.ts'
import { createHeld } from '../base/held.ts'
import type { Instant } from '../base/instant.ts'
import type { AccountKey, AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { AccountFor } from './accounts.ts'
import { afterHooksAsTarget } from './after-hooks.ts'
import { type ApplyResult, idleResult } from './apply-result.ts'
import type { Delivering } from './delivering.ts'
import { deployableOf } from './deployable.ts'
import type { OnEvent } from './events.ts'
import type { UsableAccount } from './execute/account.ts'
import type { Delivery, TargetResult } from './execute/deploy.ts'
import { expectAfterHooks, runBeforeHooks } from './execute/hooks.ts'
import { issueCertificate } from './execute/issue.ts'
import { issueSomewhere } from './execute/issue-somewhere.ts'
import { countFailures, type Failures } from './failures.ts'
import type { Budget } from './limits/budget.ts'
import { type CertificateView, newest } from './observe/observation.ts'
import type { Action } from './plan/action.ts'
import { planPairs } from './plan/pairs.ts'
import { safetyMargin } from './plan/renewal-time.ts'
import { generationToReturnTo } from './plan/return-to.ts'
import type { Recollection } from './recollection.ts'
import type { Authority, CertificateSpec, DeployTarget, SolverChoice } from './spec.ts'
import { pruneGenerations } from './store/generations.ts'
import { takeLock } from './store/locks.ts'
import { removeRehearsal } from './store/rehearsals.ts'
import type { RenewalRecord } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** What carrying out needs from its surroundings. */
export type Workshop = Delivering & {
  readonly state: string
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly accountFor: AccountFor
  readonly budgetFor: (authority: Authority, signal: AbortSignal) => Budget
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  /** A CA is asked for so many certificates at a time. */
  readonly issuing: <T>(authority: Authority, signal: AbortSignal, work: () => Promise<T>) => Promise<T>
  readonly recollection?: Recollection
  readonly onEvent: OnEvent
}

/** How the certificate is looked at: again under the lock, and again after each failure of a CA. */
export type Outlook = {
  readonly observe: () => Promise<CertificateView>
  /** The action for what was observed; `overtaken` where a renewal that was asked for has been done in the meantime. */
  readonly plan: (view: CertificateView, options?: { readonly overtaken: boolean }) => Action
  /** Settles when the certificate is renewed. */
  readonly settle: (
    certificate: StoredCertificate,
    renewal: RenewalRecord | undefined,
  ) => Promise<{ readonly renewAt: Instant }>
  readonly signal: AbortSignal
}

/** What was planned for a certificate at the first look, and how it is looked at again. */
export type Job = { readonly first: Action; readonly outlook: Outlook }

/** One certificate as it was looked at under its lock. */
type Part = {
  readonly spec: CertificateSpec
  readonly outlook: Outlook
  readonly view: CertificateView
  readonly action: Action
  readonly failures: Failures
}

/** What came of the first half of the work: the certificate to deliver, where there is one. */
type Obtained = Part & {
  readonly certificate: StoredCertificate | undefined
  /** Why it is not a new one. */
  readonly failure?: ApplyResult
}

/**
 * Does what is planned for one certificate, or for the two of a pair, unless somebody else did it while the locks were
 * awaited. What is to be obtained is obtained, and then all is delivered at once.
 * @returns the outcome for each; a failure is counted in the store, so that it is tried again in time
 * @throws AppError ERR_LOCKED, ERR_STORE, ERR_ABORTED: what does not lie with the certificates, before anything is done
 */
export async function applyTogether(
  jobs: readonly Job[],
  workshop: Workshop,
  runtime: Runtime,
): Promise<readonly ApplyResult[]> {
  await using locks = createHeld()
  for (const job of jobs) locks.use(await lockFor(job, workshop, runtime))
  const obtained = await obtainAll(jobs, workshop, runtime)
  if (!obtained.some(hasNews)) {
    for (const { action, failures } of obtained) if (action.kind === 'none') await failures.settled()
    return obtained.map(resultWithout)
  }
  const missing = obtained.find(({ certificate }) => certificate === undefined)
  if (missing !== undefined)
    return obtained.map(part => (hasNews(part) ? withheld(part, missing) : resultWithout(part)))
  const results: ApplyResult[] = []
  try {
    const targets = await deliver(obtained, workshop, runtime)
    for (const [index, part] of obtained.entries())
      results.push(part.failure ?? (await finish(part, targets[index] ?? [], workshop, runtime)))
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    // Servers may have been told already: they are not told again at every look.
    for (const part of obtained.slice(results.length)) results.push(await undelivered(part, error))
  }
  return results
}

async function obtainAll(
  jobs: readonly Job[],
  workshop: Workshop,
  runtime: Runtime,
): Promise<readonly Obtained[]> {
  using _expected = workshop.convoy.expect()
  const parts = await lookAgain(jobs, workshop, runtime)
  const obtained: Obtained[] = []
  for (const part of parts) obtained.push(await obtain(part, parts, workshop, runtime))
  return obtained
}

async function undelivered(part: Obtained, error: AppError): Promise<ApplyResult> {
  if (!hasNews(part)) return resultWithout(part)
  const { spec, action, certificate, failures } = part
  const failed = await failures.failed('delivery', error)
  return { ...{ spec, action, targets: [], ...failed }, ...(certificate && { certificate }) }
}

/** Whether there is something to deliver that is wanted for its own sake. */
function hasNews({ action, failure }: Obtained): boolean {
  return failure === undefined && (action.kind === 'issue' || action.kind === 'deploy')
}

function resultWithout({ action, failure }: Obtained): ApplyResult {
  if (failure !== undefined) return failure
  if (action.kind === 'none' || action.kind === 'wait') return idleResult(action)
  throw new TypeError(`to ${action.kind} is not to do nothing`)
}

/** The first certificate of a pair waits for the other one: servers read the files of both. */
function withheld({ spec, action, certificate }: Obtained, { spec: other, failure }: Obtained): ApplyResult {
  const error = new AppError(
    'ERR_DEPLOY',
    `${spec.name} is delivered together with ${other.name}, which is not there yet`,
    { hint: `see what is said of ${other.name}` },
  )
  return {
    ...{ spec, action, outcome: 'failed', targets: [], error },
    ...(certificate && { certificate }),
    ...(failure?.retryAt !== undefined && { retryAt: failure.retryAt }),
  }
}

function lockFor(
  { first: { spec, kind }, outlook: { signal } }: Job,
  { state, onEvent }: Workshop,
  runtime: Runtime,
): Promise<AsyncDisposable> {
  const onWait = (holder: string) =>
    onEvent({
      certificate: spec.name,
      step: 'waiting',
      level: 'step',
      text: `waiting for ${holder || 'another process'}`,
    })
  const about = `${kind} ${spec.name}`
  return takeLock(state, `certificate-${spec.name}`, { about, onWait, signal }, runtime)
}

/** Whoever held the locks before may have done what was planned. */
async function lookAgain(
  jobs: readonly Job[],
  { state, recollection }: Workshop,
  runtime: Runtime,
): Promise<readonly Part[]> {
  const parts: Part[] = []
  for (const { first, outlook } of jobs) {
    const { spec } = first
    const view = await outlook.observe()
    const again = outlook.plan(view)
    const overtaken = first.reason.code === 'forced' && renewedSince(first, again)
    const action = overtaken ? outlook.plan(view, { overtaken }) : again
    const current = newest(view)
    const lifetimeMs = current && current.notAfter - current.notBefore
    const failures = countFailures(state, { spec, earlier: view.attempts, lifetimeMs, recollection }, runtime)
    parts.push({ spec, outlook, view, action, failures })
  }
  const planned = parts.map(({ action, view }) => ({ action, current: newest(view) }))
  const actions = planPairs(planned, runtime.clock.now())
  return parts.map((part, index) => ({ ...part, action: actions[index] ?? part.action }))
}

/** Where nothing new is to be had, the certificate is the one that is there. */
async function obtain(
  part: Part,
  together: readonly Part[],
  workshop: Workshop,
  runtime: Runtime,
): Promise<Obtained> {
  const { spec, outlook, view, action, failures } = part
  if (action.kind === 'deploy') return { ...part, certificate: action.certificate }
  const certificate = newest(view)
  if (action.kind !== 'issue') return { ...part, certificate }
  const fail = async (error: AppError): Promise<Obtained> => {
    const failure = { spec, action, targets: [], ...(await failures.failed('issuance', error)) }
    return { ...part, certificate, failure }
  }
  const broken = await findBroken(part, together, workshop, runtime)
  if (broken !== undefined && action.reason.code === 'forced')
    // Nothing asks for it but a person, who is told; so nothing will try it again either.
    return { ...part, certificate, failure: { spec, action, targets: [], outcome: 'failed', error: broken } }
  if (broken !== undefined) return fail(broken)
  try {
    const { state, onEvent, inTurn } = workshop
    await inTurn(() => runBeforeHooks(state, { spec, onEvent, signal: outlook.signal }, runtime))
    const issueFrom = (one: CertificateSpec) =>
      workshop.issuing(one.authority, outlook.signal, () => issue(one, outlook, workshop, runtime))
    const issued = await issueSomewhere(spec, view, issueFrom, workshop.onEvent)
    await failures.succeeded('issuance')
    return { ...part, certificate: issued }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return fail(error)
  }
}

/**
 * A target that could not be given a new certificate, because its configuration is broken already: ordering one would only
 * spend it. A first certificate may be the very thing that is missing, one for another key may be what does not fit, and one
 * that is about to end is renewed in any case.
 */
async function findBroken(
  { spec, view: { live }, outlook: { signal } }: Part,
  together: readonly Part[],
  { state, deployerFor, inTurn }: Workshop,
  { clock }: Runtime,
): Promise<AppError | undefined> {
  if (live === undefined || together.some(({ view }) => view.live === undefined)) return undefined
  const keyWasReplaced = spec.csr !== undefined && spec.csr.publicKeyHash !== live.publicKeyHash
  if (keyWasReplaced || safetyMargin(live) <= clock.now()) return undefined
  const certificate = deployableOf(state, spec, live)
  for (const target of spec.deploy) {
    const deployer = await deployerFor(target)
    const inspection = await inTurn(() => deployer.inspect(certificate, { signal }))
    if (inspection.state === 'broken') return inspection.error
  }
  return undefined
}

async function issue(
  spec: CertificateSpec,
  { observe, signal }: Pick<Outlook, 'observe' | 'signal'>,
  { state, clientFor, accountFor, budgetFor, solverFor, onEvent }: Workshop,
  runtime: Runtime,
): Promise<StoredCertificate> {
  const view = await observe() // a failure at another CA has left its traces
  const client = await clientFor(spec.authority)
  let used: UsableAccount | undefined
  const account = async (lost?: unknown): Promise<AccountKey> => {
    used = await accountFor(spec.authority, { signal }, lost === undefined ? undefined : used)
    return used.key
  }
  const budget = budgetFor(spec.authority, signal)
  return issueCertificate(state, { spec, view, client, account, budget, solverFor, onEvent, signal }, runtime)
}

/** Whether the targets have got all, and only hooks are left to be run. */
function isDelivered({ action }: Obtained): boolean {
  return action.reason.code === 'hook-outstanding'
}

/** Whether no delivery of the certificate was good yet: hooks follow the first one. */
function isNew(
  { action, failure, view: { deployments, live } }: Obtained,
  { generation }: StoredCertificate,
): boolean {
  if (failure !== undefined) return false // the one that it has goes along
  if (action.kind === 'issue') return true
  const good = deployments.some(one => one.generation === generation && one.failure === undefined)
  const isThere = action.spec.deploy.length === 0 && live?.generation === generation
  return action.kind === 'deploy' && !good && !isThere
}

/** Delivers all together. What has failed to get a new certificate, or needs none, goes along with the one that it has. */
async function deliver(
  parts: readonly Obtained[],
  { state, convoy }: Workshop,
  runtime: Runtime,
): Promise<readonly (readonly TargetResult[])[]> {
  if (parts.filter(hasNews).every(isDelivered)) return parts.map(() => [])
  const deliveries: Delivery[] = []
  for (const part of parts) {
    const { spec, certificate, action, view } = part
    if (certificate === undefined) continue
    if (isNew(part, certificate)) await expectAfterHooks(state, { spec, certificate }, runtime)
    const previous = previousOf(part, certificate, runtime.clock.now())
    // Who asks for a delivery wants servers to be told in any case.
    const earlier = action.reason.code === 'forced' ? undefined : view.deployments
    deliveries.push({ spec, certificate, previous, ...(earlier && { earlier }) })
  }
  const signal = AbortSignal.any(parts.map(({ outlook }) => outlook.signal))
  return convoy.deliver(deliveries, { signal })
}

function previousOf(part: Obtained, { generation }: StoredCertificate, now: Instant): string | undefined {
  const { live } = part.view
  if (!hasNews(part) && live?.generation === generation) return generation
  return generationToReturnTo(generation, part.view, now)
}

async function finish(
  { spec, action, certificate, outlook, view, failures }: Obtained,
  delivered: readonly TargetResult[],
  { state, inTurn, onEvent }: Workshop,
  runtime: Runtime,
): Promise<ApplyResult> {
  if (certificate === undefined) throw new TypeError('only what is there is delivered')
  const failed = delivered.find(target => target.error !== undefined)
  if (failed === undefined && view.rehearsal === true) await removeRehearsal(state, spec.name, runtime)
  const wentAlong = action.kind === 'none' || action.kind === 'wait'
  if (wentAlong && failed === undefined) return idleResult(action)
  const options = { spec, certificate, onEvent, signal: outlook.signal }
  const hooks =
    failed === undefined ? await inTurn(() => afterHooksAsTarget(state, options, runtime)) : undefined
  const targets = hooks === undefined ? delivered : [...delivered, hooks]
  const error = failed?.error ?? hooks?.error
  await pruneGenerations(state, spec.name, runtime).catch((error: unknown) => {
    const text = `earlier generations are still there: ${messageOf(error)}`
    onEvent({ certificate: spec.name, step: 'storing', level: 'warning', text })
  })
  const { renewAt } = await outlook.settle(certificate, view.renewal)
  const done = { spec, action, certificate, renewAt, targets }
  if (error !== undefined) return { ...done, ...(await failures.failed('delivery', error)) }
  await failures.succeeded('delivery')
  return { ...done, outcome: action.kind === 'issue' ? 'issued' : 'deployed' }
}

/** Whether a forced renewal was overtaken by somebody else's while it waited for the lock. */
function renewedSince(before: Action, now: Action): boolean {
  if (before.kind !== 'issue' || now.kind !== 'issue') return false
  return before.replaces?.generation !== now.replaces?.generation
}
