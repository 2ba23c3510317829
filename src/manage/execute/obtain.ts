/**
 * From an order to a certificate. The order's status decides the next step; the program counter never does, so the same
 * loop begins an order, continues one after a crash, and accepts a CA that skips states.
 */
import { type Authorization, orderedIdentifier } from '../../acme/authorization.ts'
import type { Challenge } from '../../acme/challenge.ts'
import { canonicalIdentifier, type Identifier, identifierKey } from '../../acme/identifier.ts'
import { keyAuthorization } from '../../acme/key-authorization.ts'
import type { Order } from '../../acme/order.ts'
import { AcmeProblemError, describeProblem } from '../../acme/problem.ts'
import { mapConcurrently } from '../../base/concurrent.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, type AppErrorOptions } from '../../base/errors.ts'
import { formatInstant, type Instant, minuteMs, secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import type { Provision, Solver, SolverChallenge } from '../../contracts/solver.ts'
import { thumbprint } from '../../jose/thumbprint.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Step } from '../events.ts'
import { cleanUp } from './clean-up.ts'
import { choosePreferredChain } from './preferred-chain.ts'

/** How long an order may take in all; slow CAs keep orders `processing` for minutes. */
export const orderTimeoutMs = 10 * minuteMs
/**
 * Steps between two looks at an order, unless the CA says otherwise; the first look is at once. The short beginning is for
 * CAs nearby, which are done in milliseconds; doubling makes it no more than seven looks in the first second.
 */
const poll = { firstMs: 10, factor: 2, maxMs: 5 * secondMs } as const
/** Requests and self-checks under way at once for one order. */
const concurrency = 10

/** How control over an identifier is proven. */
export type Proof = {
  readonly solver: Solver
  /** Look at each response the way the CA will, before the CA is asked. */
  readonly selfCheck: boolean
  /** Called before anything is put anywhere, with all that this solver will put. What it resolves to is durable. */
  readonly onPresenting?: (provisions: readonly Provision[]) => Promise<void>
}

type CommonOptions = {
  readonly order: Order
  /** DER of the certificate signing request for exactly the order's identifiers. */
  readonly csr: Uint8Array
  /** Among the chains that the CA offers: the root's common name, or the SHA-256 of a CA certificate or its public key. */
  readonly preferredChain?: string
  readonly onStep?: (
    step: Step,
    text: string,
    progress?: { readonly done: number; readonly total: number },
  ) => void
  readonly onWarning?: (text: string) => void
  readonly signal: AbortSignal
}

/** With one solver for all identifiers. */
export type ObtainOptions = CommonOptions &
  Proof & {
    /** Called when everything that was put somewhere has been taken away again. */
    readonly onCleaned?: () => Promise<void>
  }

export type PursueOptions = CommonOptions & {
  /** Called for each identifier; the same value for those that one solver proves together. */
  readonly proofFor: (identifier: Identifier) => Proof
}

type ObtainRuntime = Pick<Runtime, 'clock'>

/**
 * Drives an order to its end, and takes away again what was put somewhere for it.
 * @returns DER of the chain, leaf first, as the CA sent it: not yet checked
 * @throws AppError ERR_AUTHORIZATION naming each identifier that failed and why, ERR_SELF_CHECK, ERR_CHALLENGE, ERR_ORDER,
 * and what the client throws. On a failure before the CA was asked the order stays usable.
 */
export async function obtainCertificate(
  client: AcmeClient,
  account: AccountKey,
  options: ObtainOptions,
  runtime: ObtainRuntime,
): Promise<readonly Uint8Array[]> {
  const { solver, selfCheck, onPresenting, onCleaned, onWarning } = options
  let presented: readonly Provision[] = []
  const presenting = async (provisions: readonly Provision[]) => {
    await onPresenting?.(provisions)
    presented = provisions
  }
  try {
    const proof: Proof = { solver, selfCheck, onPresenting: presenting }
    return await pursueOrder(client, account, { ...options, proofFor: () => proof }, runtime)
  } finally {
    const left = await cleanUp(solver, presented)
    for (const { reason } of left) onWarning?.(`cleaning up after the challenge failed: ${reason}`)
    if (presented.length > 0 && left.length === 0) await onCleaned?.()
  }
}

/**
 * {@link obtainCertificate} with a solver for each identifier and without the clean-up: all that `onPresenting` was told
 * of is the caller's to take away.
 */
export async function pursueOrder(
  client: AcmeClient,
  account: AccountKey,
  options: PursueOptions,
  { clock }: ObtainRuntime,
): Promise<readonly Uint8Array[]> {
  const { csr, signal, onStep = () => {} } = options
  const deadline = clock.monotonic() + orderTimeoutMs
  let { order } = options
  let retryAt: Instant | undefined
  let looks = 0
  let answered = false
  let finalized = false

  const look = async () => {
    // The first look is at once: many CAs are done by then.
    const pause = looks === 0 ? 0 : pauseMs(looks, retryAt, clock.now())
    if (clock.monotonic() + pause > deadline) throw tooSlow(order, pause > poll.maxMs ? retryAt : undefined)
    if (pause > 0) await clock.sleep(pause, signal)
    looks++
    ;({ order, retryAt } = await client.readOrder(account, order.url, { signal }))
  }

  for (;;) {
    switch (order.status) {
      case 'pending':
        if (!answered) {
          await answerChallenges(client, account, { ...options, order, onStep })
          answered = true
          looks = 0
        }
        await look()
        break
      case 'ready':
        // Once per process: a stale `ready` after a finalize is looked at again, not asked again.
        if (finalized) await look()
        else {
          onStep('issuance', 'asking for the certificate')
          ;({ order, retryAt } = await client.finalize(account, order, csr, { signal }))
          finalized = true
          looks = retryAt === undefined ? 0 : 1
        }
        break
      case 'processing':
        await look()
        break
      case 'valid':
        return choosePreferredChain(await client.certificate(account, order.certificate, { signal }), {
          preferred: options.preferredChain,
          download: url => client.certificate(account, url, { signal }),
          onWarning: options.onWarning ?? (() => {}),
        })
      case 'invalid':
        throw await explainInvalid(client, account, order, signal)
      default:
        return order satisfies never
    }
  }
}

type PendingChallenge = SolverChallenge & { readonly url: Challenge['url']; readonly proof: Proof }

async function answerChallenges(
  client: AcmeClient,
  account: AccountKey,
  {
    order,
    proofFor,
    onStep,
    onWarning,
    signal,
  }: PursueOptions & { readonly onStep: NonNullable<PursueOptions['onStep']> },
): Promise<void> {
  const authorizations = await mapConcurrently(order.authorizations, concurrency, async url => {
    return (await client.readAuthorization(account, url, { signal })).authorization
  })
  requireAuthorizationsOf(order, authorizations)
  const accountThumbprint = thumbprint(account.signer.publicKey)
  const open = authorizations
    .filter(({ status }) => status === 'pending')
    .map(authorization => {
      const identifier = canonicalIdentifier(orderedIdentifier(authorization))
      return chooseChallenge(authorization, proofFor(identifier), accountThumbprint)
    })
    .filter(({ status }) => status === 'pending' || status === 'processing')
  // The CA is looking at the others already. Their responses may be gone together with the process that answered.
  const unanswered = open.filter(({ status }) => status === 'pending')
  const valid = authorizations.filter(({ status }) => status === 'valid').length
  const total = authorizations.length
  if (valid > 0)
    onStep('challenge', `${valid} of ${total} identifiers are authorized already`, { done: valid, total })
  const presenting = []
  // One after the other: the journal has one writer. All of it is written before anything is put anywhere.
  for (const [{ solver, onPresenting }, challenges] of Map.groupBy(open, ({ proof }) => proof)) {
    const provisions = await Promise.all(challenges.map(challenge => solver.provision(challenge)))
    await onPresenting?.(provisions)
    presenting.push(...provisions.map(provision => ({ solver, provision })))
  }
  await mapConcurrently(presenting, concurrency, ({ solver, provision }) =>
    solver.present(provision, { signal }),
  )
  for (const [type, challenges] of Map.groupBy(open, ({ proof }) => proof.solver.type)) {
    onStep('challenge', `${type} is in place for ${names(challenges)}`)
  }
  const checked = unanswered.filter(({ proof }) => proof.selfCheck)
  await checkOurselves(checked, { onWarning, signal })
  let done = valid
  onStep('validation', `waiting for the CA to look at ${names(open)}`, { done, total })
  await mapConcurrently(unanswered, concurrency, async ({ url }) => {
    await client.answerChallenge(account, url, { signal })
    onStep('validation', 'asked the CA to look', { done: ++done, total })
  })
}

// Answering a challenge proves control over its name to whoever asked: only those of the order are anybody's business.
function requireAuthorizationsOf({ identifiers }: Order, authorizations: readonly Authorization[]): void {
  const ordered = new Set(identifiers.map(canonicalIdentifier).map(identifierKey))
  const other = authorizations
    .map(orderedIdentifier)
    .find(identifier => !ordered.has(identifierKey(canonicalIdentifier(identifier))))
  if (other === undefined) return
  const name = printable(other.value, 100)
  throw new AppError('ERR_AUTHORIZATION', `the CA wants control over ${name} proven, which was not ordered`, {
    hint: 'nothing was proven; report this to the CA',
  })
}

function chooseChallenge(
  authorization: Authorization,
  proof: Proof,
  accountThumbprint: string,
): PendingChallenge & { readonly status: Challenge['status'] } {
  const { solver } = proof
  const identifier = orderedIdentifier(authorization)
  const refusal = solver.refusal(identifier)
  if (refusal !== undefined) throw new AppError('ERR_CHALLENGE', `${identifier.value}: ${refusal}`)
  const challenge = authorization.challenges.find(({ type }) => type === solver.type)
  if (challenge === undefined || challenge.type === 'unknown') {
    const offered = authorization.challenges.map(other =>
      other.type === 'unknown' ? other.name : other.type,
    )
    throw new AppError('ERR_CHALLENGE', `${identifier.value}: the CA does not offer ${solver.type} for it`, {
      hint: `it offers ${offered.length === 0 ? 'no challenge at all' : printable(offered.join(', '), 200)}: ask for another name, or another CA`,
    })
  }
  const { token, url, status } = challenge
  return {
    identifier,
    token,
    keyAuthorization: keyAuthorization(token, accountThumbprint),
    url,
    status,
    proof,
  }
}

async function checkOurselves(
  challenges: readonly PendingChallenge[],
  { onWarning, signal }: Pick<PursueOptions, 'signal'> & { readonly onWarning: PursueOptions['onWarning'] },
): Promise<void> {
  const results = await mapConcurrently(challenges, concurrency, async challenge => ({
    name: challenge.identifier.value,
    check: await challenge.proof.solver.selfCheck?.(challenge, { signal }),
  }))
  const wrong = results.flatMap(({ name, check }) => (check?.outcome === 'wrong' ? [{ name, ...check }] : []))
  for (const { name, check } of results) {
    if (check?.outcome === 'unknown') onWarning?.(`${name}: could not check from here: ${check.text}`)
  }
  const [first] = wrong
  if (first === undefined) return
  const text = wrong.map(({ name, text }) => `${name}: ${text}`).join('\n')
  throw new AppError('ERR_SELF_CHECK', `the CA was not asked, because its check would fail\n${text}`, {
    hint: first.hint,
  })
}

/** The order has ended without a certificate. */
export class OrderInvalid extends AppError {
  override readonly name = 'OrderInvalid'
  /** Identifiers that the CA could not validate, as it writes them. */
  readonly failed: readonly string[]

  constructor(
    code: 'ERR_AUTHORIZATION' | 'ERR_ORDER',
    message: string,
    { failed, ...options }: AppErrorOptions & { readonly failed: readonly string[] },
  ) {
    super(code, message, options)
    this.failed = failed
  }
}

async function explainInvalid(
  client: AcmeClient,
  account: AccountKey,
  order: Extract<Order, { readonly status: 'invalid' }>,
  signal: AbortSignal,
): Promise<AppError> {
  const authorizations = await mapConcurrently(order.authorizations, concurrency, async url => {
    return (await client.readAuthorization(account, url, { signal })).authorization
  }).catch((): Authorization[] => []) // the order's own error must do then
  const failedNames: string[] = []
  const failures = authorizations.flatMap(authorization => {
    const failed = authorization.challenges.flatMap(challenge =>
      challenge.status === 'invalid' && challenge.error !== undefined
        ? [describeProblem(challenge.error)]
        : [],
    )
    if (authorization.status === 'valid' || (failed.length === 0 && authorization.status === 'pending'))
      return []
    failedNames.push(authorization.identifier.value)
    return [
      `${orderedIdentifier(authorization).value}: ${failed.join('; ') || `the authorization is ${authorization.status}`}`,
    ]
  })
  if (failures.length > 0) {
    return new OrderInvalid('ERR_AUTHORIZATION', `the CA could not validate\n${failures.join('\n')}`, {
      failed: failedNames,
      hint: 'correct what the CA reports, then run the command again; each failed try counts against the limits of the CA',
    })
  }
  const why = order.error === undefined ? 'without saying why' : describeProblem(order.error)
  return new OrderInvalid('ERR_ORDER', `the CA declared the order invalid: ${why}`, {
    failed: [],
    ...(order.error !== undefined && { cause: new AcmeProblemError('the order is invalid', order.error) }),
    hint: 'run the command again, which makes a new order; ask the CA if that ends the same way',
  })
}

function pauseMs(looks: number, retryAt: Instant | undefined, now: Instant): number {
  if (retryAt !== undefined) return Math.max(retryAt - now, 0)
  return Math.min(poll.firstMs * poll.factor ** (looks - 1), poll.maxMs)
}

function tooSlow({ status }: Order, askedFor: Instant | undefined): AppError {
  const since =
    askedFor === undefined
      ? ` after ${formatDuration(orderTimeoutMs)}`
      : `, and the CA asks to look again at ${formatInstant(askedFor)}`
  return new AppError('ERR_ORDER', `the order is still ${status}${since}`, {
    hint: 'run the command again later: it continues the same order',
    retryAt: askedFor,
  })
}

function names(challenges: readonly { readonly identifier: Identifier }[]): string {
  const [first, ...rest] = challenges.map(({ identifier }) => identifier.value)
  if (first === undefined) return 'nothing'
  return rest.length === 0 ? first : `${first} and ${rest.length} more`
}
