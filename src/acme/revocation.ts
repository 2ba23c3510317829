/** Revocation reasons (RFC 8555 §7.6, RFC 5280 §5.3.1). */

/** Reason names that a subscriber may give, with their codes. */
export const revocationReasons = {
  unspecified: 0,
  'key-compromise': 1,
  'affiliation-changed': 3,
  superseded: 4,
  'cessation-of-operation': 5,
} as const
export type RevocationReason = keyof typeof revocationReasons

/** The reason with that code, or `undefined` where a subscriber may not give it. */
export function revocationReason(code: number): RevocationReason | undefined {
  const names = Object.keys(revocationReasons) as RevocationReason[] // the keys of the constant above
  return names.find(name => revocationReasons[name] === code)
}
