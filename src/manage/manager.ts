/** The manager: desired state, observation, plan and execution in order. Every program is a thin layer over it. */

import { mapConcurrently } from '../base/concurrent.ts'
import { type AppError, isAppError } from '../base/errors.ts'
import type { AccountKey, AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { OnEvent } from './events.ts'
import { ensureAccount, reviveAccount, type UsableAccount } from './execute/account.ts'
import { deployCertificate, type TargetResult } from './execute/deploy.ts'
import { issueCertificate } from './execute/issue.ts'
import { type CertificateView, generationBefore, newest } from './observe/observation.ts'
import { observeCertificate } from './observe/observe.ts'
import type { Action } from './plan/action.ts'
import { planCertificate } from './plan/plan.ts'
import type { Authority, CertificateSpec, Config, DeployTarget, SolverChoice } from './spec.ts'
import { pruneGenerations } from './store/generations.ts'
import { takeLock } from './store/locks.ts'
import type { StoredCertificate } from './store/stored-certificate.ts'

/** Issuances under way at once; each one is mostly waiting. */
const issuanceConcurrency = 8

/** What the manager is given: it knows contracts, not implementations. */
export type ManagerOptions = {
  /** The state directory, absolute. */
  readonly state: string
  readonly config: Pick<Config, 'account' | 'certificates'>
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  /** How long an endpoint may take to show a new certificate; one minute when absent. */
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
}

/** What became of one certificate. `error` is there exactly when `outcome` is `failed`. */
export type ApplyResult = {
  readonly spec: CertificateSpec
  /** What was to be done; absent where it failed before that was known. */
  readonly action?: Action
  readonly outcome: 'issued' | 'deployed' | 'unchanged' | 'waiting' | 'failed'
  readonly certificate?: StoredCertificate
  readonly targets: readonly TargetResult[]
  readonly error?: AppError
}

export type ApplyOptions = {
  /** Only these certificates; all when absent. */
  readonly only?: readonly string[]
  /** Issue these even when they are not due. */
  readonly force?: readonly string[]
  /** Deliver again even where the last delivery was good. */
  readonly redeploy?: boolean
  readonly signal: AbortSignal
}

export interface Manager {
  /** What would be done, in the order of the configuration. Changes nothing. */
  plan(options: ApplyOptions): Promise<readonly Action[]>
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
    { force = [], redeploy = false }: ApplyOptions,
  ): Action => {
    const action = planCertificate(spec, view, { now: runtime.clock.now(), force: force.includes(spec.name) })
    const certificate = newest(view)
    if (!redeploy || action.kind !== 'none' || certificate === undefined) return action
    return { kind: 'deploy', spec, certificate, reason: { code: 'forced', text: 'asked for' } }
  }

  const account = (
    authority: Authority,
    { signal }: { readonly signal: AbortSignal },
    lost?: UsableAccount,
  ) => {
    const known = accounts.get(authority.id)
    if (known !== undefined && lost === undefined) return known
    const found = underAccountLock(authority, signal, async client => {
      const settings = { settings: config.account, signal, onRegister: () => registering(authority) }
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

  const applyOne = async (spec: CertificateSpec, applyOptions: ApplyOptions): Promise<ApplyResult> => {
    const { signal } = applyOptions
    const first = planOne(spec, await observeCertificate(state, spec.name, runtime), applyOptions)
    if (first.kind === 'none')
      return { spec, action: first, outcome: 'unchanged', certificate: first.certificate, targets: [] }
    if (first.kind === 'wait') return { spec, action: first, outcome: 'waiting', targets: [] }
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
    const view = await observeCertificate(state, spec.name, runtime)
    const again = planOne(spec, view, applyOptions)
    const action =
      first.reason.code === 'forced' && renewedSince(first, again) ? planOne(spec, view, { signal }) : again
    if (action.kind === 'none')
      return { spec, action, outcome: 'unchanged', certificate: action.certificate, targets: [] }
    if (action.kind === 'wait') return { spec, action, outcome: 'waiting', targets: [] }
    const certificate = action.kind === 'deploy' ? action.certificate : await issue(spec, view, signal)
    const targets = await inTurn(() =>
      deployCertificate(
        state,
        {
          spec,
          certificate,
          previous: generationBefore(certificate.generation, view),
          deployerFor: options.deployerFor,
          ...(options.servedWithinMs !== undefined && { servedWithinMs: options.servedWithinMs }),
          onEvent,
          signal,
        },
        runtime,
      ),
    )
    await pruneGenerations(state, spec.name, runtime)
    const error = targets.find(target => target.error !== undefined)?.error
    if (error !== undefined) return { spec, action, outcome: 'failed', certificate, targets, error }
    return { spec, action, outcome: action.kind === 'issue' ? 'issued' : 'deployed', certificate, targets }
  }

  const issue = async (spec: CertificateSpec, view: CertificateView, signal: AbortSignal) => {
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
    plan: applyOptions =>
      mapConcurrently(chosen(applyOptions), issuanceConcurrency, async spec =>
        planOne(spec, await observeCertificate(state, spec.name, runtime), applyOptions),
      ),
    apply: applyOptions =>
      mapConcurrently(chosen(applyOptions), issuanceConcurrency, async spec => {
        try {
          return await applyOne(spec, applyOptions)
        } catch (error) {
          if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
          return { spec, outcome: 'failed', targets: [], error }
        }
      }),
  }
}

/** Whether a forced renewal was overtaken by somebody else's while it waited for the lock. */
function renewedSince(before: Action, now: Action): boolean {
  if (before.kind !== 'issue' || now.kind !== 'issue') return false
  return before.replaces?.generation !== now.replaces?.generation
}
