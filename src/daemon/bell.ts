/** A sleep that can be cut short. */
import type { Clock } from '../runtime/clock.ts'

export type Bell = {
  /** Ends the sleep, or the next one where nobody sleeps. */
  ring(): void
  /** Sleeps so long, or until it rings. */
  sleep(ms: number): Promise<void>
}

/** A bell that has not rung. */
export function createBell({ clock }: { readonly clock: Clock }): Bell {
  let rung = false
  let cut = () => {}
  return {
    ring: () => {
      rung = true
      cut()
    },
    sleep: async ms => {
      if (!rung) {
        const controller = new AbortController()
        cut = () => controller.abort()
        await clock.sleep(ms, controller.signal).catch((error: unknown) => {
          if (!controller.signal.aborted) throw error
        })
        cut = () => {}
      }
      rung = false
    },
  }
}
