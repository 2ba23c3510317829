/** From what is known of a certificate to its timeline. Pure. */
import type { Instant } from '../../base/instant.ts'
import { newest } from '../observe/observation.ts'
import { futureOf } from './future.ts'
import { nextStepOf } from './next-step.ts'
import { pastOf } from './past.ts'
import type { Timeline, TimelineFacts } from './timeline.ts'

/** Brings together what is known, as of `now`. */
export function explainCertificate(facts: TimelineFacts, now: Instant): Timeline {
  const { view, action, sights } = facts
  const certificate = newest(view)
  return {
    name: view.name,
    now,
    ...(certificate !== undefined && { certificate }),
    past: pastOf(view, facts.history),
    ...(action !== undefined && { action }),
    sights,
    future: futureOf(facts, now),
    next: nextStepOf(action),
  }
}
