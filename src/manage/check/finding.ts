/** What one probe of `check` found. */

/** What is looked at, in the order in which it is told. */
export const checkNames = [
  'state',
  'disk',
  'ca',
  'clock',
  'account',
  'dns',
  'caa',
  'challenge',
  'budget',
  'server',
] as const
export type CheckName = (typeof checkNames)[number]

/** `skipped` where it could not, or need not, be looked at. */
export const checkOutcomes = ['ok', 'warning', 'failed', 'skipped'] as const
export type CheckOutcome = (typeof checkOutcomes)[number]

export type Finding = {
  readonly name: CheckName
  readonly outcome: CheckOutcome
  /** What was found, on what. */
  readonly text: string
  /** What a person can do. */
  readonly hint?: string
}

/** A finding; a hint that is absent is left out. */
export function finding(name: CheckName, outcome: CheckOutcome, text: string, hint?: string): Finding {
  return { name, outcome, text, ...(hint !== undefined && { hint }) }
}

/** The finding for what stood in the way of looking, or was thrown by what was tried. */
export function failure(
  name: CheckName,
  { message, hint }: { readonly message: string; readonly hint?: string | undefined },
): Finding {
  return finding(name, 'failed', message, hint)
}
