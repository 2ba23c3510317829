/** What happens next to a certificate, in one sentence. Pure. */
import type { Action } from '../plan/action.ts'
import type { NextStep } from './timeline.ts'

/** The step that the action means; without one, nobody takes any. */
export function nextStepOf(action: Action | undefined): NextStep {
  switch (action?.kind) {
    case undefined:
      return { text: 'nothing: it is in no configuration file, so nobody renews it' }
    case 'none':
      return { text: 'it is renewed', at: action.renewAt }
    case 'wait':
      return { text: 'it is tried again', at: action.until }
    case 'issue':
      return { text: action.replaces === undefined ? 'it is obtained' : 'it is renewed' }
    case 'deploy':
      return { text: 'it is delivered' }
    default:
      return action satisfies never
  }
}
