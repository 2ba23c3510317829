/** The manager: desired state, observation, plan and execution in order. Every program is a thin layer over it. */

import { mapConcurrently } from '../base/concurrent.ts'
import { type AppError, isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { AccountKey, AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { OnEvent } from './events.ts'
import { ensureAccount, reviveAccount, type UsableAccount } from './execute/account.ts'
import { deployCertificate, type TargetResult } from './execute/deploy.ts'
import { issueCertificate } from './execute/issue.ts'
import { issueSomewhere } from './execute/issue-somewhere.ts'
import { isUnsettled, settleRenewal } from './execute/settle-renewal.ts'
import { type CertificateView, generationBefore, newest } from './observe/observation.ts'
import { observeServed } from './observe/observe.ts'
import type { Action } from './plan/action.ts'
import { basisOf } from './plan/basis.ts'
import { guardPlan, type Refusal } from './plan/guard.ts'
import { nextWakeAt, planCertificate } from './plan/plan.ts'
import { expectedRenewal } from './plan/renewal-time.ts'
import { countFailure } from './plan/retry-time.ts'
import type { Authority, CertificateSpec, Config, DeployTarget, SolverChoice, SpecName } from './spec.ts'
import { type Attempts, writeAttempts } from './store/attempts.ts'
import { pruneGenerations } from './store/generations.ts'
import { takeLock } from './store/locks.ts'
import type { RenewalRecord } from './store/renewals.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** Issuances under way at once; each one is mostly waiting. */
const issuanceConcurrency = 8
/** Certificates looked at at once: files, and one handshake per endpoint. */
const observationConcurrency = 16

/** What the manager is given: it knows contracts, not implementations. */
export type ManagerOptions = {
  /** The state directory, absolute. */
  readonly state: string
  readonly config: Pick<Config, 'account' | 'certificates' | 'timeZone'>
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  /** How long an endpoint may take to show a new certificate; one minute when absent. */
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
}

/** What became of one certificate. `error` is there exactly when `outcome` is `failed` or `refused`. */
export type ApplyResult = {
  readonly spec: CertificateSpec
  /** What was to be done; absent where it failed before that was known. */
  readonly action?: Action
  readonly outcome: 'issued' | 'deployed' | 'unchanged' | 'waiting' | 'refused' | 'failed'
  readonly certificate?: StoredCertificate
  /** When the certificate is to be renewed. */
  readonly renewAt?: Instant
  readonly targets: readonly TargetResult[]
  readonly error?: AppError
  /** When what failed is tried again. */
  readonly retryAt?: Instant
}

/** One look at everything. */
export type Plan = {
  readonly at: Instant
  readonly actions: readonly Action[]
  /** Actions that will not be carried out, because they look like a mistake. */
  readonly refusals: readonly Refusal[]
  /** When to look again; absent where there is nothing to come. */
  readonly nextWakeAt?: Instant
}

export type ApplyOptions = {
  /** Only these certificates; all when absent. */
  readonly only?: readonly string[]
  /** Issue these even when they are not due. */
  readonly force?: readonly string[]
  /** Deliver again even where the last delivery was good. */
  readonly redeploy?: boolean
  /** A person wants it now: pauses after failures and maintenance windows are not kept, what the CA asks for is. */
  readonly eager?: boolean
  /** Replace even most certificates at once while they are good. */
  readonly allowMany?: boolean
  readonly signal: AbortSignal
}

export interface Manager {
  /** What would be done, in the order of the configuration. Changes nothing, and asks no CA. */
  plan(options: ApplyOptions): Promise<Plan>
  /** Does it. A failure of one certificate never stops the others; it is in that one's result. */
  apply(options: ApplyOptions): Promise<readonly ApplyResult[]>
  /** The account at an authority, registered if need be, under its lock. */
  account(authority: Authority, options: { readonly signal: AbortSignal }): Promise<UsableAccount>
}

/** Creates a manager. Nothing happens until one of its methods is called. */
export function createManager(options: ManagerOptions, runtime: Runtime): Manager {
  const { state, config, onEvent } = options
  const accounts = new Map<string, Promise<UsableAccount>>()
  let deploying: Promise<unknown> = Promise.resolve()

  const chosen = ({ only }: ApplyOptions) =>
    config.certificates.filter(({ name }) => only === undefined || only.includes(name))
  const planOne = (
    spec: CertificateSpec,
    view: CertificateView,
    { force = [], redeploy = false, eager = false }: ApplyOptions,
  ): Action => {
    const action = planCertificate(spec, view, {
      now: runtime.clock.now(),
      force: force.includes(spec.name),
      eager,
      timeZone: config.timeZone,
    })
    const certificate = newest(view)
    if (!redeploy || certificate === undefined) return action
    return { kind: 'deploy', spec, certificate, reason: { code: 'forced', text: 'asked for' } }
  }
  const observe = (spec: CertificateSpec, { signal }: ApplyOptions): Promise<CertificateView> =>
    observeServed(state, spec.name, { signal }, runtime)
  // What cannot be read of one certificate says nothing about the others.
  const observeAll = async (applyOptions: ApplyOptions) => {
    const failed: ApplyResult[] = []
    const looks = await mapConcurrently(chosen(applyOptions), observationConcurrency, async spec => {
      try {
        return [{ spec, view: await observe(spec, applyOptions) }]
      } catch (error) {
        failed.push(failedResult(spec, error))
        return []
      }
    })
    const observed: readonly Observed[] = looks.flat()
    return { observed, failed }
  }
  const planAll = (observed: readonly Observed[], applyOptions: ApplyOptions): Plan => {
    const at = runtime.clock.now()
    const actions = observed.map(({ spec, view }) => planOne(spec, view, applyOptions))
    const views = observed.map(({ view }) => view)
    const refusals = guardPlan(actions, views, { now: at, allowMany: applyOptions.allowMany ?? false })
    const wakeAt = nextWakeAt(actions, at)
    return { at, actions, refusals, ...(wakeAt !== undefined && { nextWakeAt: wakeAt }) }
  }

  /** Settles when certificates are renewed that are only looked at. A CA that does not answer is asked once. */
  const settleAll = (observed: readonly Observed[], { signal }: ApplyOptions) => {
    const silent = new Set<string>()
    return mapConcurrently(observed, issuanceConcurrency, async ({ spec, view }): Promise<Observed> => {
      const certificate = newest(view)
      if (
        certificate === undefined ||
        !isUnsettled({ spec, certificate, renewal: view.renewal }, runtime.clock.now())
      )
        return { spec, view }
      const renewal = await settle(spec, certificate, view.renewal, { signal, silent })
      return { spec, view: { ...view, ...(renewal !== undefined && { renewal }) } }
    })
  }
  const settle = async (
    spec: CertificateSpec,
    certificate: StoredCertificate,
    renewal: RenewalRecord | undefined,
    { signal, silent }: { readonly signal: AbortSignal; readonly silent: Set<string> },
  ): Promise<RenewalRecord | undefined> => {
    const authority = [spec.authority, ...spec.fallbacks].find(({ id }) => id === certificate.authority.id)
    const warn = (error: AppError) =>
      onEvent({
        certificate: spec.name,
        step: 'renewal-info',
        level: 'warning',
        text: `it is not settled when to renew: ${error.message}`,
      })
    try {
      const client =
        authority === undefined || silent.has(authority.id) ? undefined : await options.clientFor(authority)
      const { record, error } = await settleRenewal(
        state,
        { spec, certificate, renewal, client, signal },
        runtime,
      )
      if (error === undefined || authority === undefined) return record
      silent.add(authority.id)
      warn(error)
      return record
    } catch (error) {
      // The certificate is due by its lifetime then, and nothing is lost.
      if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
      warn(error)
      return renewal
    }
  }

  const account = (
    authority: Authority,
    { signal }: { readonly signal: AbortSignal },
    lost?: UsableAccount,
  ) => {
    const known = accounts.get(authority.id)
    if (known !== undefined && lost === undefined) return known
    const found = underAccountLock(authority, signal, async client => {
      const settings = {
        settings: authority.account ?? config.account,
        signal,
        onRegister: () => registering(authority),
      }
      const usable = await ensureAccount(state, authority, client, settings, runtime)
      // Another process, or another certificate in this one, may have registered again in the meantime.
      if (lost === undefined || usable.key.url !== lost.key.url) return usable
      return reviveAccount(state, authority, client, usable, settings, runtime)
    })
    accounts.set(authority.id, found)
    found.catch(() => accounts.delete(authority.id)) // so that the next certificate tries again
    return found
  }
  const underAccountLock = async <T>(
    authority: Authority,
    signal: AbortSignal,
    work: (client: AcmeClient) => Promise<T>,
  ) => {
    const client = await options.clientFor(authority)
    await using _lock = await takeLock(
      state,
      `account-${authority.id}`,
      { about: `account at ${authority.id}`, signal },
      runtime,
    )
    return await work(client) // and only then is the lock given back
  }
  const registering = ({ id }: Authority) =>
    onEvent({
      certificate: undefined,
      step: 'account',
      level: 'step',
      text: `registering an account at ${id}`,
    })

  const applyOne = async (first: Action, applyOptions: ApplyOptions): Promise<ApplyResult> => {
    const { spec } = first
    const { signal } = applyOptions
    await using _lock = await takeLock(
      state,
      `certificate-${spec.name}`,
      {
        about: `${first.kind} ${spec.name}`,
        onWait: holder =>
          onEvent({
            certificate: spec.name,
            step: 'waiting',
            level: 'step',
            text: `waiting for ${holder || 'another process'}`,
          }),
        signal,
      },
      runtime,
    )
    // Whoever held the lock before may have done it.
    const view = await observe(spec, applyOptions)
    const again = planOne(spec, view, applyOptions)
    const action =
      first.reason.code === 'forced' && renewedSince(first, again)
        ? planOne(spec, view, { signal, eager: true })
        : again
    if (action.kind === 'none' || action.kind === 'wait') return idleResult(action)
    let certificate: StoredCertificate | undefined
    let attempts = view.attempts
    const fail = async (kind: keyof Attempts, error: AppError, targets: readonly TargetResult[]) => {
      const failed = countFailure(error, attempts[kind], {
        basis: basisOf(spec),
        now: runtime.clock.now(),
        fraction: runtime.random.fraction(),
      })
      // What cannot be written down is no reason to hide what failed.
      await writeAttempts(state, spec.name, { ...attempts, [kind]: failed }, runtime).catch(() => {})
      const { retryAt } = failed
      return {
        spec,
        action,
        outcome: 'failed' as const,
        targets,
        error,
        retryAt,
        ...(certificate && { certificate }),
      }
    }
    if (action.kind === 'deploy') certificate = action.certificate
    else {
      try {
        certificate = await issueSomewhere(spec, view, one => issue(one, applyOptions), onEvent)
      } catch (error) {
        if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
        return await fail('issuance', error, [])
      }
      const { issuance: _, ...rest } = attempts
      attempts = rest
      if (view.attempts.issuance !== undefined) await writeAttempts(state, spec.name, attempts, runtime)
    }
    const targets = await inTurn(() =>
      deployCertificate(
        state,
        {
          spec,
          certificate: certificate as StoredCertificate, // set on both ways above
          previous: generationBefore(certificate?.generation ?? '', view),
          deployerFor: options.deployerFor,
          ...(options.servedWithinMs !== undefined && { servedWithinMs: options.servedWithinMs }),
          onEvent,
          signal,
        },
        runtime,
      ),
    )
    await pruneGenerations(state, spec.name, runtime)
    const record = await settle(spec, certificate, view.renewal, { signal, silent: new Set() })
    const renewAt = expectedRenewal(certificate, record, spec.renew.at).at
    const error = targets.find(target => target.error !== undefined)?.error
    if (error !== undefined) return { ...(await fail('delivery', error, targets)), renewAt }
    const { delivery, ...rest } = attempts
    if (delivery !== undefined) await writeAttempts(state, spec.name, rest, runtime)
    const outcome = action.kind === 'issue' ? 'issued' : 'deployed'
    return { spec, action, outcome, certificate, renewAt, targets }
  }

  const issue = async (spec: CertificateSpec, applyOptions: ApplyOptions) => {
    const { signal } = applyOptions
    const view = await observe(spec, applyOptions) // a failure at another CA has left its traces
    const client = await options.clientFor(spec.authority)
    let used: UsableAccount | undefined
    const accountKey = async (lost?: unknown): Promise<AccountKey> => {
      used = await account(spec.authority, { signal }, lost === undefined ? undefined : used)
      return used.key
    }
    return issueCertificate(
      state,
      { spec, view, client, account: accountKey, solverFor: options.solverFor, onEvent, signal },
      runtime,
    )
  }

  // Servers are shared: two deployments at once would each see the other's half-done work.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = deploying.then(work, work)
    deploying = turn.catch(() => {})
    return turn
  }

  return {
    account: (authority, accountOptions) => account(authority, accountOptions),
    plan: async applyOptions => {
      const { observed, failed } = await observeAll(applyOptions)
      const [first] = failed
      if (first?.error !== undefined) throw first.error
      return planAll(observed, applyOptions)
    },
    apply: async applyOptions => {
      const { observed, failed } = await observeAll(applyOptions)
      const { actions, refusals } = planAll(await settleAll(observed, applyOptions), applyOptions)
      const results = new Map<SpecName, ApplyResult>(failed.map(result => [result.spec.name, result]))
      const work: Action[] = []
      for (const action of actions) {
        const { spec } = action
        const refusal = refusals.find(({ names }) => names.includes(spec.name))
        if (refusal !== undefined)
          results.set(spec.name, { spec, action, outcome: 'refused', targets: [], error: refusal.error })
        else if (action.kind === 'none' || action.kind === 'wait') results.set(spec.name, idleResult(action))
        else work.push(action)
      }
      await inOrderOfUrgency(work, issuanceConcurrency, async action => {
        const { spec } = action
        try {
          results.set(spec.name, await applyOne(action, applyOptions))
        } catch (error) {
          results.set(spec.name, failedResult(spec, error))
        }
      })
      return chosen(applyOptions).flatMap(({ name }) => results.get(name) ?? [])
    },
  }
}

type Observed = { readonly spec: CertificateSpec; readonly view: CertificateView }

/** A failure of one certificate as its result; what ends everything is thrown. */
function failedResult(spec: CertificateSpec, error: unknown): ApplyResult {
  if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
  return { spec, outcome: 'failed', targets: [], error }
}

function idleResult(action: Extract<Action, { readonly kind: 'none' | 'wait' }>): ApplyResult {
  const { spec } = action
  if (action.kind === 'wait') return { spec, action, outcome: 'waiting', targets: [], retryAt: action.until }
  const { certificate, renewAt } = action
  return { spec, action, outcome: 'unchanged', certificate, renewAt, targets: [] }
}

/** What ends first goes first; a CA that is slow holds up only those that are to come from it. */
async function inOrderOfUrgency(
  actions: readonly Action[],
  limit: number,
  operation: (action: Action) => Promise<void>,
): Promise<void> {
  const sorted = actions.toSorted((one, other) => endOf(one) - endOf(other))
  const groups = Map.groupBy(sorted, ({ spec }) => spec.authority.id)
  await Promise.all([...groups.values()].map(group => mapConcurrently(group, limit, operation)))
}

function endOf(action: Action): number {
  if (action.kind === 'issue') return action.replaces?.notAfter ?? 0
  return action.kind === 'deploy' ? 0 : Number.POSITIVE_INFINITY
}

/** Whether a forced renewal was overtaken by somebody else's while it waited for the lock. */
function renewedSince(before: Action, now: Action): boolean {
  if (before.kind !== 'issue' || now.kind !== 'issue') return false
  return before.replaces?.generation !== now.replaces?.generation
}
