/** What happens during an operation, for whoever shows it. */
import type { SpecName } from './spec.ts'

/** Steps that a person may watch, in the order in which they happen. */
export const steps = [
  'waiting',
  'account',
  'order',
  'challenge',
  'validation',
  'issuance',
  'storing',
  'deploying',
  'verifying',
  'hook',
  'renewal-info',
  'notifying',
] as const
export type Step = (typeof steps)[number]

/** One thing that happened. `done` of `total` where a step has parts. */
export type ManagerEvent = {
  readonly certificate: SpecName | undefined
  readonly step: Step
  readonly text: string
  readonly level: 'step' | 'warning'
  readonly done?: number
  readonly total?: number
}

/** Takes events. Never throws. */
export type OnEvent = (event: ManagerEvent) => void
