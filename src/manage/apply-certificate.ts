/** Carrying out what is planned for one certificate, under its lock. */
import { type AppError, isAppError } from '../base/errors.ts'
import { type Instant, minuteMs } from '../base/instant.ts'
import type { AccountKey, AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { AccountFor } from './accounts.ts'
import { type ApplyResult, idleResult } from './apply-result.ts'
import type { OnEvent } from './events.ts'
import type { UsableAccount } from './execute/account.ts'
import { deployCertificate, type TargetResult } from './execute/deploy.ts'
import { issueCertificate } from './execute/issue.ts'
import { issueSomewhere } from './execute/issue-somewhere.ts'
import type { Budget } from './limits/budget.ts'
import { type CertificateView, generationBefore } from './observe/observation.ts'
import type { Action } from './plan/action.ts'
import { basisOf } from './plan/basis.ts'
import { safetyMargin } from './plan/renewal-time.ts'
import { countFailure } from './plan/retry-time.ts'
import type { Authority, CertificateSpec, DeployTarget, SolverChoice } from './spec.ts'
import { type Attempts, writeAttempts } from './store/attempts.ts'
import { pruneGenerations } from './store/generations.ts'
import { takeLock } from './store/locks.ts'
import { livePath } from './store/paths.ts'
import type { RenewalRecord } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** How long another process may deliver: a server that shows nothing new is looked at for a minute. */
const turnWaitMs = 5 * minuteMs

/** What carrying out needs from its surroundings. */
export type Workshop = {
  readonly state: string
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly accountFor: AccountFor
  readonly budgetFor: (authority: Authority, signal: AbortSignal) => Budget
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  /** How long an endpoint may take to show a new certificate; one minute when absent. */
  readonly servedWithinMs?: number
  /** Deliveries take turns: two at once would each see the other's half-done work on the server that they share. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
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

/**
 * Does what is planned, unless somebody else did it while the lock was awaited.
 * @returns the outcome; a failure is counted in the store, so that it is tried again in time
 * @throws AppError ERR_LOCKED, ERR_STORE, ERR_ABORTED: what does not lie with the certificate
 */
export async function applyCertificate(
  first: Action,
  { observe, plan, settle, signal }: Outlook,
  workshop: Workshop,
  runtime: Runtime,
): Promise<ApplyResult> {
  const { state, onEvent } = workshop
  const { spec } = first
  const waiting = (holder: string) =>
    onEvent({
      certificate: spec.name,
      step: 'waiting',
      level: 'step',
      text: `waiting for ${holder || 'another process'}`,
    })
  const about = `${first.kind} ${spec.name}`
  await using _lock = await takeLock(
    state,
    `certificate-${spec.name}`,
    { about, onWait: waiting, signal },
    runtime,
  )
  // Whoever held the lock before may have done it.
  const view = await observe()
  const again = plan(view)
  const action =
    first.reason.code === 'forced' && renewedSince(first, again) ? plan(view, { overtaken: true }) : again
  if (action.kind === 'none' || action.kind === 'wait') return idleResult(action)

  let { attempts } = view
  const failure = async (kind: keyof Attempts, error: AppError) => {
    const failed = countFailure(error, attempts[kind], {
      basis: basisOf(spec),
      now: runtime.clock.now(),
      fraction: runtime.random.fraction(),
    })
    // What cannot be written down is no reason to hide what failed.
    await writeAttempts(state, spec.name, { ...attempts, [kind]: failed }, runtime).catch(() => {})
    return { outcome: 'failed', error, retryAt: failed.retryAt } as const
  }
  const success = async (kind: keyof Attempts) => {
    if (attempts[kind] === undefined) return
    const { [kind]: _, ...rest } = attempts
    attempts = rest
    await writeAttempts(state, spec.name, attempts, runtime)
  }

  if (action.kind === 'issue') {
    const broken = await findBroken(spec, view, { signal }, workshop, runtime)
    if (broken !== undefined) return { spec, action, targets: [], ...(await failure('issuance', broken)) }
  }
  let certificate: StoredCertificate
  if (action.kind === 'deploy') certificate = action.certificate
  else {
    const issueFrom = (one: CertificateSpec) => issue(one, { observe, signal }, workshop, runtime)
    try {
      certificate = await issueSomewhere(spec, view, issueFrom, onEvent)
    } catch (error) {
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      return { spec, action, targets: [], ...(await failure('issuance', error)) }
    }
    await success('issuance')
  }
  const targets = await deliver(spec, certificate, view, { signal }, workshop, runtime)
  await pruneGenerations(state, spec.name, runtime)
  const { renewAt } = await settle(certificate, view.renewal)
  const done = { spec, action, certificate, renewAt, targets }
  const error = targets.find(target => target.error !== undefined)?.error
  if (error !== undefined) return { ...done, ...(await failure('delivery', error)) }
  await success('delivery')
  return { ...done, outcome: action.kind === 'issue' ? 'issued' : 'deployed' }
}

/**
 * A target that could not be given a new certificate, because its configuration is broken already: ordering one would only
 * spend it. A first certificate may be the very thing that is missing, and one that is about to end is renewed in any case.
 */
async function findBroken(
  spec: CertificateSpec,
  { live }: CertificateView,
  { signal }: Pick<Outlook, 'signal'>,
  { state, deployerFor, inTurn }: Workshop,
  { clock }: Runtime,
): Promise<AppError | undefined> {
  if (live === undefined || safetyMargin(live) <= clock.now()) return undefined
  const { identifiers, fingerprint } = live
  const certificate = { name: spec.name, identifiers, fingerprint, liveDirectory: livePath(state, spec.name) }
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

function deliver(
  spec: CertificateSpec,
  certificate: StoredCertificate,
  view: CertificateView,
  { signal }: Pick<Outlook, 'signal'>,
  { state, deployerFor, servedWithinMs, inTurn, onEvent }: Workshop,
  runtime: Runtime,
): Promise<readonly TargetResult[]> {
  const previous = generationBefore(certificate.generation, view)
  const options = {
    ...{ spec, certificate, previous, deployerFor, onEvent, signal },
    ...(servedWithinMs !== undefined && { servedWithinMs }),
  }
  return inTurn(async () => {
    if (spec.deploy.length === 0) return deployCertificate(state, options, runtime)
    const about = `deliver ${spec.name}`
    await using _turn = await takeLock(state, 'deliveries', { about, waitMs: turnWaitMs, signal }, runtime)
    return await deployCertificate(state, options, runtime) // and only then is it another's turn
  })
}

/** Whether a forced renewal was overtaken by somebody else's while it waited for the lock. */
function renewedSince(before: Action, now: Action): boolean {
  if (before.kind !== 'issue' || now.kind !== 'issue') return false
  return before.replaces?.generation !== now.replaces?.generation
}
