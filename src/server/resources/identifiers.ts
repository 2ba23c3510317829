/** Which identifiers may be ordered here. */
import {
  type Identifier,
  identifierKey,
  identifierTypes,
  isWildcard,
  parseIdentifier,
} from '../../acme/identifier.ts'
import { maxOrderIdentifiers } from '../../acme/order.ts'
import { makeProblem, type Problem } from '../../acme/problem.ts'
import { messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { refusal } from '../reply.ts'

/** An identifier as a client sends it. */
export type RequestedIdentifier = { readonly type: string; readonly value: string }

/**
 * The identifiers of an order, each once.
 * @throws AcmeProblemError malformed for none or too many; for one that is refused its own problem; for several
 * `compound` with a subproblem for each (RFC 8555 §6.7.1)
 */
export function acceptIdentifiers(requested: readonly RequestedIdentifier[]): readonly Identifier[] {
  if (requested.length === 0) throw refusal('malformed', 'the order names no identifier')
  if (requested.length > maxOrderIdentifiers)
    throw refusal('malformed', `the order names more than ${maxOrderIdentifiers} identifiers`)
  const refused = requested.flatMap(each => refusalOf(each) ?? [])
  const [first] = refused
  if (first !== undefined) throw refuse(first, refused)
  const accepted = requested.map(
    ({ type, value }): Identifier => ({ type: type as Identifier['type'], value }),
  ) // checked
  return [...new Map(accepted.map(each => [identifierKey(each), each])).values()]
}

type Refused = { readonly type: 'unsupportedIdentifier' | 'rejectedIdentifier'; readonly detail: string } & {
  readonly requested: RequestedIdentifier
}

function refusalOf(requested: RequestedIdentifier): Refused | undefined {
  const { type } = requested
  if (!(identifierTypes as readonly string[]).includes(type)) {
    const detail = `identifiers of type "${printable(type, 40)}" are not supported`
    return { type: 'unsupportedIdentifier', detail, requested }
  }
  const detail = rejectionOf(requested)
  return detail === undefined ? undefined : { type: 'rejectedIdentifier', detail, requested }
}

function rejectionOf({ type, value }: RequestedIdentifier): string | undefined {
  try {
    const parsed = parseIdentifier(value)
    const shown = `"${printable(value, 100)}"`
    if (parsed.type !== type) return `${shown} is not of the type "${type}"`
    if (parsed.value !== value) return `${shown} must be written "${parsed.value}"`
    if (isWildcard(parsed))
      return `${shown} is a wildcard, which only dns-01 can validate, and this CA offers http-01 alone`
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function refuse(first: Refused, refused: readonly Refused[]) {
  if (refused.length === 1) return refusal(first.type, first.detail)
  const subproblems = refused.map(({ type, detail, requested }): SubProblem => {
    const identifier = { type: requested.type as Identifier['type'], value: requested.value } // shown as it came
    return { ...makeProblem(type, detail), identifier }
  })
  return refusal('compound', `${refused.length} identifiers are refused`, { subproblems })
}

type SubProblem = NonNullable<Problem['subproblems']>[number]
