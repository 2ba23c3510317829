/** The manager: desired state, observation, plan and execution in order. Every program is a thin layer over it. */

import { mapConcurrently } from '../base/concurrent.ts'
import { isAppError, messageOf } from '../base/errors.ts'
import { hourMs, type Instant } from '../base/instant.ts'
import { createLimit, type Limit } from '../base/limit.ts'
import type { AcmeClient } from '../client/client.ts'
import type { Deployer } from '../contracts/deployer.ts'
import type { Solver } from '../contracts/solver.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createAccounts } from './accounts.ts'
import { applyTogether, type Outlook, type Workshop } from './apply-certificate.ts'
import { historyOf } from './apply-history.ts'
import { type ApplyResult, failedResult, type IdleAction, idleResult } from './apply-result.ts'
import { clockError } from './clock.ts'
import { createDelivering } from './delivering.ts'
import type { OnEvent } from './events.ts'
import type { UsableAccount } from './execute/account.ts'
import { isUnsettled } from './execute/settle-renewal.ts'
import { isUntidy, tidyCertificate } from './execute/tidy-certificate.ts'
import { createBudget } from './limits/budget.ts'
import { exemptionsOf, replacedBy } from './limits/exemptions.ts'
import { endOf, holdBack, type Prospect } from './limits/hold-back.ts'
import { type CertificateView, latestKnown, newest } from './observe/observation.ts'
import { observeServed } from './observe/observe-served.ts'
import { inPairs } from './pair.ts'
import type { Action } from './plan/action.ts'
import { guardPlan, type Refusal } from './plan/guard.ts'
import { type Planned, planPairs } from './plan/pairs.ts'
import { nextWakeAt, planCertificate } from './plan/plan.ts'
import { expectedRenewal } from './plan/renewal-time.ts'
import type { Recollection } from './recollection.ts'
import { type Asking, createSettler } from './settler.ts'
import type { Authority, CertificateSpec, Config, DeployTarget, SolverChoice, SpecName } from './spec.ts'
import { removeDebris } from './store/debris.ts'
import type { ReadingOptions } from './store/generations.ts'
import { recordHistory } from './store/history.ts'
import { namesWithLeftOvers } from './store/left-overs.ts'
import { takeLock } from './store/locks.ts'

/** Issuances under way at once at one CA; each one is mostly waiting. */
const issuanceConcurrency = 8
/** Certificates under way at once, most of them waiting to be delivered together; each one holds a lock, a file that is open. */
const jobConcurrency = 64
/** A look for what killed processes left behind; one that was killed in the last hour is found the next time. */
const debrisEveryMs = hourMs
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
  /** What cannot be written down is kept there, and found by the next manager of the same process. */
  readonly recollection?: Recollection
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
  const warn = (text: string) => onEvent({ certificate: undefined, step: 'order', level: 'warning', text })
  const budgetFor = (authority: Authority, signal: AbortSignal) =>
    createBudget(authority, { state, onWarning: warn, signal }, runtime)
  const accountFor = createAccounts({ ...options, settings: config.account, budgetFor }, runtime)
  const settle = createSettler(options, runtime)
  let debrisRemovedAt: number | undefined

  const chosen = ({ only }: ApplyOptions) =>
    config.certificates.filter(
      ({ name, pair }) =>
        only === undefined || only.includes(name) || (pair !== undefined && only.includes(pair)),
    )
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
  const observe = async (
    spec: CertificateSpec,
    { signal }: ApplyOptions,
    reading: ReadingOptions = {},
  ): Promise<CertificateView> => {
    const view = await observeServed(state, spec.name, { ...reading, signal }, runtime)
    const attempts = options.recollection?.attempts.get(spec.name)
    return attempts === undefined ? view : { ...view, attempts }
  }
  // What cannot be read of one certificate says nothing about the others. Views are large, so they do not stay; whatever is
  // then done begins with a closer look.
  const lookAtAll = async (
    applyOptions: ApplyOptions,
    settling: { readonly silent: Set<string> } | undefined,
  ) => {
    const failed: ApplyResult[] = []
    const looks = await mapConcurrently(chosen(applyOptions), observationConcurrency, async spec => {
      try {
        const seen = await observe(spec, applyOptions, { trustUntouched: true })
        const view =
          settling === undefined ? seen : await settledView(spec, seen, { ...settling, ...applyOptions })
        const action = planOne(spec, view, applyOptions)
        return [
          {
            action,
            current: newest(view),
            latest: latestKnown(view),
            failedBefore: Object.keys(view.attempts).length > 0,
            isUntidy: isUntidy(view),
            ...newOrderOf(action, view, runtime.clock.now()),
          },
        ]
      } catch (error) {
        failed.push(failedResult(spec, error))
        return []
      }
    })
    const seen = looks.flat()
    const stale = seen.filter(({ action, failedBefore }) => action.kind === 'none' && failedBefore)
    const forgotten = new Set(stale.map(({ action }) => action.spec.name))
    const untidy = seen.filter(look => look.isUntidy).map(({ action }) => action.spec.name)
    return { plan: await planOf(seen, applyOptions), failed, forgotten, untidy }
  }
  const planOf = async (
    looks: readonly (Planned & Prospect & { readonly latest: Instant | undefined })[],
    { allowMany = false }: ApplyOptions,
  ): Promise<Plan> => {
    const at = runtime.clock.now()
    const paired = planPairs(looks, at)
    const prospects = looks.map((look, index) => ({ ...look, action: paired[index] ?? look.action }))
    const actions = await holdBack(state, prospects, { now: at, onWarning: warn }, runtime)
    const refusals = guardPlan(actions, {
      now: at,
      latest: looks.reduce<Instant | undefined>(
        (latest, look) => (look.latest !== undefined && look.latest > (latest ?? 0) ? look.latest : latest),
        undefined,
      ),
      allowMany,
    })
    const wakeAt = nextWakeAt(actions, at)
    return { at, actions, refusals, ...(wakeAt !== undefined && { nextWakeAt: wakeAt }) }
  }
  /** Settles when a certificate is renewed that is only looked at. A CA that does not answer is asked once. */
  const settledView = async (
    spec: CertificateSpec,
    view: CertificateView,
    asking: Asking,
  ): Promise<CertificateView> => {
    const certificate = newest(view)
    const unsettled =
      certificate !== undefined &&
      isUnsettled({ spec, certificate, renewal: view.renewal }, runtime.clock.now())
    if (!unsettled) return view
    const renewal = await settle(spec, certificate, view.renewal, asking)
    return { ...view, ...(renewal !== undefined && { renewal }) }
  }

  /** What was stored by a clock that was ahead must not stand in the way for as long as that: a CA knows the time too. */
  const refusalsNow = async (
    { actions, refusals }: Plan,
    { allowMany = false, signal }: ApplyOptions,
  ): Promise<readonly Refusal[]> => {
    const doubted = refusals.find(({ error }) => error.code === 'ERR_CLOCK')
    const authorities = actions
      .filter(({ spec }) => doubted?.names.includes(spec.name))
      .map(({ spec }) => spec.authority)
    for (const authority of new Map(authorities.map(one => [one.id, one])).values()) {
      try {
        const aheadMs = await (await options.clientFor(authority)).clockAheadMs({ signal })
        const now = runtime.clock.now()
        if (aheadMs === undefined) continue
        return clockError(authority.id, { aheadMs, now }) === undefined
          ? guardPlan(actions, { now, allowMany })
          : refusals
      } catch (error) {
        if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
        // Another one may answer.
      }
    }
    return refusals
  }

  const delivering = createDelivering(state, options, runtime)
  const limits = new Map<string, Limit>()
  const issuing: Workshop['issuing'] = ({ id }, signal, work) => {
    const limit = limits.get(id) ?? createLimit(issuanceConcurrency)
    limits.set(id, limit)
    return limit(signal, work)
  }
  const workshop: Workshop = { ...options, accountFor, budgetFor, issuing, ...delivering }
  const outlookOn = (spec: CertificateSpec, applyOptions: ApplyOptions): Outlook => {
    const { signal } = applyOptions
    return {
      observe: () => observe(spec, applyOptions),
      plan: (view, { overtaken } = { overtaken: false }) =>
        planOne(spec, view, overtaken ? { signal, eager: true } : applyOptions),
      settle: async (certificate, renewal) => {
        const record = await settle(spec, certificate, renewal, { signal, silent: new Set() })
        return { renewAt: expectedRenewal(certificate, record, spec.renew.at).at }
      },
      signal,
    }
  }

  /** What earlier runs left. It is in nobody's way, so trouble with it is a warning. */
  const tidyUpAll = async (applyOptions: ApplyOptions, untidy: readonly SpecName[]): Promise<void> => {
    if (debrisRemovedAt === undefined || runtime.clock.monotonic() - debrisRemovedAt >= debrisEveryMs) {
      debrisRemovedAt = runtime.clock.monotonic()
      await removeDebris(state, runtime).catch((error: unknown) => warn(messageOf(error)))
    }
    const left = await namesWithLeftOvers(state, runtime).catch((error: unknown): readonly string[] => {
      warn(messageOf(error))
      return []
    })
    const names = chosen(applyOptions).map(({ name }) => name)
    for (const name of names.filter(one => left.includes(one) || untidy.includes(one))) {
      try {
        const about = { about: `tidy up after ${name}`, signal: applyOptions.signal }
        await using _lock = await takeLock(state, `certificate-${name}`, about, runtime)
        await tidyCertificate(state, { ...options, name }, runtime)
      } catch (error) {
        if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
        warn(error.message)
      }
    }
  }

  return {
    account: (authority, accountOptions) => accountFor(authority, accountOptions),
    plan: async applyOptions => {
      const { plan, failed } = await lookAtAll(applyOptions, undefined)
      const [first] = failed
      if (first?.error !== undefined) throw first.error
      return plan
    },
    apply: async applyOptions => {
      const { plan, failed, forgotten, untidy } = await lookAtAll(applyOptions, { silent: new Set() })
      const { actions } = plan
      const refusals = await refusalsNow(plan, applyOptions)
      const results = new Map<SpecName, ApplyResult>(failed.map(result => [result.spec.name, result]))
      const finish = async (result: ApplyResult) => {
        results.set(result.spec.name, result)
        await recordHistory(state, result.spec.name, historyOf(result), runtime)
      }
      const jobs: (readonly Action[])[] = []
      for (const together of inPairs(actions)) {
        const job: Action[] = []
        for (const action of together) {
          const { spec } = action
          const refusal = refusals.find(({ names }) => names.includes(spec.name))
          if (refusal === undefined) job.push(action)
          else await finish({ spec, action, outcome: 'refused', targets: [], error: refusal.error })
        }
        const isStale = job.some(({ spec }) => forgotten.has(spec.name))
        if (isStale || !job.every(isIdle)) jobs.push(job)
        else for (const action of job) results.set(action.spec.name, idleResult(action))
      }
      await inOrderOfUrgency(jobs, jobConcurrency, async job => {
        const looks = job.map(first => ({ first, outlook: outlookOn(first.spec, applyOptions) }))
        const done = await applyTogether(looks, workshop, runtime).catch((error: unknown) =>
          job.map(({ spec }) => failedResult(spec, error)),
        )
        for (const result of done) await finish(result)
      })
      await tidyUpAll(applyOptions, untidy)
      return chosen(applyOptions).flatMap(({ name }) => results.get(name) ?? [])
    },
  }
}

function isIdle(action: Action): action is IdleAction {
  return action.kind === 'none' || action.kind === 'wait'
}

/** What ends first goes first; a CA that is slow holds up only those that are to come from it. */
async function inOrderOfUrgency(
  jobs: readonly (readonly Action[])[],
  limit: number,
  operation: (together: readonly Action[]) => Promise<void>,
): Promise<void> {
  const endOfJob = (together: readonly Action[]) => Math.min(...together.map(endOf))
  const sorted = jobs.toSorted((one, other) => endOfJob(one) - endOfJob(other))
  const groups = Map.groupBy(sorted, ([first]) => first?.spec.authority.id)
  await Promise.all([...groups.values()].map(group => mapConcurrently(group, limit, operation)))
}

/** What a new order would be exempt from; nothing where an order is there that goes on. */
function newOrderOf(action: Action, view: CertificateView, now: Instant): Pick<Prospect, 'exemptions'> {
  if (action.kind !== 'issue' || view.run?.orderUrl !== undefined) return {}
  const replaces = replacedBy(action.spec, view)
  return { exemptions: exemptionsOf(action.spec, view, { replaces, now }) }
}
