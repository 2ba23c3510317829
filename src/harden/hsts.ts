/** HTTP Strict Transport Security (RFC 6797), step by step. */

/** The steps, each with how long browsers remember it, in seconds, and what it risks. */
export const hstsSteps = {
  '5m': { seconds: 300, risk: 'a mistake is forgotten after five minutes' },
  '1w': {
    seconds: 604_800,
    risk: 'a mistake locks out the visitors of the last week, for up to a week',
  },
  '1mo': { seconds: 2_592_000, risk: 'the same for up to a month' },
  '2y': { seconds: 63_072_000, risk: 'there is no way back to plain http for two years' },
} as const
export type HstsStep = keyof typeof hstsSteps

/** The names of the steps, in order. */
export const hstsStepNames = Object.keys(hstsSteps) as readonly HstsStep[] // of the object above

/** The value of the header. Never `preload`: a browser's list is left only after months. */
export function hstsValue(step: HstsStep): string {
  return `max-age=${hstsSteps[step].seconds}`
}

/** The steps in order, each with its risk. */
export function hstsRamp(): string {
  return hstsStepNames.map(step => `${step} (${hstsSteps[step].risk})`).join(', ')
}

/** Why it is there and what it costs. */
export function hstsReason(step: HstsStep): { readonly why: string; readonly cost: string } {
  const next = hstsStepNames[hstsStepNames.indexOf(step) + 1]
  const onwards =
    next === undefined
      ? 'This is the last step; sub-domains and preload lists are not included.'
      : `Go on with --hsts ${next} when this step has passed without complaints.`
  return {
    why: `Browsers that were here come back by https alone, whatever link they follow (RFC 6797). The steps are ${hstsRamp()}. ${onwards}`,
    cost: 'While it lasts nobody can click a certificate error away, that of an expired certificate included: have the renewal watched first.',
  }
}
