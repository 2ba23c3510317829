/** The order of an issuance: the one of an earlier run while it can be used, or a new one. */
import { canonicalIdentifier, type Identifier, sameIdentifiers } from '../../acme/identifier.ts'
import type { Order } from '../../acme/order.ts'
import { AcmeProblemError, isProblemError } from '../../acme/problem.ts'
import { AppError, messageOf } from '../../base/errors.ts'
import type { Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import { clockError } from '../clock.ts'
import type { Claim } from '../limits/budget.ts'
import { exemptionsOf, replacedBy } from '../limits/exemptions.ts'
import type { CertificateSpec } from '../spec.ts'
import type { IssueOptions } from './issue-options.ts'
import type { Journal } from './run.ts'

/** Longest list of names in a message. */
const maxListLength = 300

/**
 * Finds or creates the order, and has the journal know it. What is ordered by a wrong clock is not taken in the end.
 * @throws AppError ERR_CLOCK, and what the client throws
 */
export async function findOrCreateOrder(
  journal: Journal,
  options: IssueOptions,
  now: Instant,
): Promise<Ordered> {
  const { spec, client, budget, signal, onEvent } = options
  const aheadMs = await client.clockAheadMs({ signal })
  const wrong = clockError(spec.authority.id, { aheadMs, now })
  if (wrong !== undefined) throw wrong
  let account = await options.account()
  const { orderUrl } = journal.run()
  if (orderUrl !== undefined) {
    const earlier = await readUsableOrder(client, account, orderUrl, signal)
    if (earlier !== undefined) {
      onEvent({
        certificate: spec.name,
        step: 'order',
        level: 'step',
        text: `continuing the order of an earlier run (${earlier.status})`,
      })
      const claim = await budget.resume(spec.identifiers, journal.run().openedAt)
      return { order: earlier, account, claim }
    }
  }
  onEvent({
    certificate: spec.name,
    step: 'order',
    level: 'step',
    text: `ordering for ${spec.identifiers.length} identifier${spec.identifiers.length === 1 ? '' : 's'}`,
  })
  let created: Created
  try {
    created = await createOrder(account, options, now)
  } catch (error) {
    if (!isProblemError(error, 'accountDoesNotExist')) throw error
    account = await options.account(error)
    created = await createOrder(account, options, now)
  }
  requireOrdered(created.order, spec)
  await journal.append({ kind: 'order-created', orderUrl: created.order.url })
  return { ...created, account }
}

type Created = { readonly order: Order; readonly claim: Claim }
/** An order, whose it is, and what it took of the CA's limits. */
export type Ordered = Created & { readonly account: AccountKey }

/** Nothing is proven and no key is used for an order that nobody asked for. */
function requireOrdered({ identifiers }: Order, { identifiers: wanted, authority }: CertificateSpec): void {
  if (sameIdentifiers(identifiers.map(canonicalIdentifier), wanted)) return
  const list = (names: readonly Identifier[]) =>
    printable(names.map(({ value }) => value).join(', '), maxListLength)
  throw new AppError(
    'ERR_ORDER',
    `${authority.id} was asked for ${list(wanted)} and made an order for ${list(identifiers) || 'no name'}`,
    { hint: 'nothing was proven or issued; report this to the CA' },
  )
}

/** An order that can still lead to a certificate; `undefined` where the CA has lost it or it has ended. */
async function readUsableOrder(
  client: AcmeClient,
  account: AccountKey,
  url: Order['url'],
  signal: AbortSignal,
): Promise<Order | undefined> {
  try {
    const { order } = await client.readOrder(account, url, { signal })
    return order.status === 'invalid' ? undefined : order
  } catch (error) {
    // Only the CA's own "no" means that the order is gone; an outage must not lead to a second one.
    if (isProblemError(error, 'malformed', 'unauthorized', 'accountDoesNotExist')) return undefined
    if (error instanceof AcmeProblemError && error.problem.status === 404) return undefined
    throw error
  }
}

async function createOrder(
  account: AccountKey,
  { spec, view, client, budget, onEvent, signal }: IssueOptions,
  now: Instant,
): Promise<Created> {
  const request = {
    identifiers: spec.identifiers,
    ...(spec.profile !== undefined && { profile: spec.profile }),
  }
  const { renewalInfo } = await client.directory({ signal })
  const replaces = renewalInfo === undefined ? undefined : replacedBy(spec, view)
  const send = async (naming: { readonly replaces?: string }): Promise<Created> => {
    const claim = await budget.claim(spec.identifiers, exemptionsOf(spec, view, { ...naming, now }))
    try {
      const { order } = await client.newOrder(account, { ...request, ...naming }, { signal })
      return { order, claim }
    } catch (error) {
      await claim.refused(error)
      throw error
    }
  }
  if (replaces === undefined) return send({})
  try {
    return await send({ replaces })
  } catch (error) {
    // RFC 9773 §5: the order stands on its own; being told what it replaces is the CA's privilege, not its condition. Some
    // stumble over it without a word of their own.
    if (!isProblemError(error, 'alreadyReplaced', 'conflict', 'malformed', 'serverInternal')) throw error
    onEvent({
      certificate: spec.name,
      step: 'order',
      level: 'step',
      text: `ordering without naming the predecessor: ${messageOf(error)}`,
    })
    return send({})
  }
}
