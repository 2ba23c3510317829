/** The manager: desired state, observation, plan and execution in order. Every program is a thin layer over it. */

import { mapConcurrently } from '../base/concurrent.ts'
import { type AppError, isAppError } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import type { AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createAccounts } from './accounts.ts'
import { applyCertificate, type Outlook, type Workshop } from './apply-certificate.ts'
import { type ApplyResult, failedResult, idleResult } from './apply-result.ts'
import type { OnEvent } from './events.ts'
import type { UsableAccount } from './execute/account.ts'
import { isUnsettled, settleRenewal } from './execute/settle-renewal.ts'
import { type CertificateView, newest } from './observe/observation.ts'
import { observeServed } from './observe/observe.ts'
import type { Action } from './plan/action.ts'
import { guardPlan, type Refusal } from './plan/guard.ts'
import { nextWakeAt, planCertificate } from './plan/plan.ts'
import { expectedRenewal } from './plan/renewal-time.ts'
import type { Authority, CertificateSpec, Config, DeployTarget, SolverChoice, SpecName } from './spec.ts'
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
  const accountFor = createAccounts({ ...options, settings: config.account }, runtime)
  let delivering: Promise<unknown> = Promise.resolve()

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

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = delivering.then(work, work)
    delivering = turn.catch(() => {})
    return turn
  }
  const workshop: Workshop = { ...options, accountFor, inTurn }
  const applyOne = (first: Action, applyOptions: ApplyOptions): Promise<ApplyResult> => {
    const { spec } = first
    const { signal } = applyOptions
    const outlook: Outlook = {
      observe: () => observe(spec, applyOptions),
      plan: (view, { overtaken } = { overtaken: false }) =>
        planOne(spec, view, overtaken ? { signal, eager: true } : applyOptions),
      settle: async (certificate, renewal) => {
        const record = await settle(spec, certificate, renewal, { signal, silent: new Set() })
        return { renewAt: expectedRenewal(certificate, record, spec.renew.at).at }
      },
      signal,
    }
    return applyCertificate(first, outlook, workshop, runtime)
  }

  return {
    account: (authority, accountOptions) => accountFor(authority, accountOptions),
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
