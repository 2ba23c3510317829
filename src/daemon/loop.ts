/** Looking, doing what is due, waiting: until it is told to stop. */
import { dirname } from 'node:path'
import { type Instant, secondMs } from '../base/instant.ts'
import type { ConfigPlace } from '../manage/config/place.ts'
import type { Config } from '../manage/spec.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Bell } from './bell.ts'
import type { Configuration } from './configuration.ts'
import { type Found, type OpenManager, takeLook } from './look.ts'
import { nextLook } from './pace.ts'
import type { Requests } from './requests.ts'
import { nextSlice } from './slice.ts'
import type { Phase } from './status.ts'

/** Editors write a file in several steps, and copying a directory takes a moment. */
const settleMs = secondMs

/** A look, and when the next one is. */
export type Look = Found & {
  /** When it ended. */
  readonly at: Instant
  readonly config: Config
  readonly nextLookAt: Instant
}

export type LoopOptions = {
  readonly configuration: Configuration
  readonly place: Pick<ConfigPlace, 'file' | 'dropIns'>
  readonly openManager: (config: Config) => Promise<OpenManager>
  readonly requests: Requests
  readonly bell: Bell
  /** Looks are never further apart than this. */
  readonly checkEveryMs: number
  readonly onPhase: (phase: Phase) => void
  readonly onLook: (look: Look) => Promise<void>
  /** The configuration was read again, or could not be. */
  readonly onConfiguration: () => Promise<void>
  /** Called at least once in every slice of the waiting: who hears nothing knows that it hangs. */
  readonly onProgress: () => void
  /** It was told to stop, and does so as soon as what is under way has ended. */
  readonly onStop: () => void
  readonly signal: AbortSignal
}

/** What to look at, and whether that may wait a little. */
type Wake = { readonly only: readonly string[] | undefined; readonly gentle: boolean }

/** Runs until the signal is aborted, and then returns; nothing that happens on the way ends it. */
export async function runLoop(
  options: LoopOptions,
  runtime: Pick<Runtime, 'clock' | 'random' | 'watch'>,
): Promise<void> {
  const { configuration, onPhase, signal, bell } = options
  const stop = () => {
    options.onStop()
    bell.ring()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    let stalls = 0
    let wake: Wake | undefined = { only: undefined, gentle: true }
    while (wake !== undefined) {
      onPhase('looking')
      const { config } = configuration.current()
      const onApplying = () => onPhase('applying')
      const found = await takeLook({ ...options, ...wake, config, onApplying }, runtime)
      if (signal.aborted) return
      const at = runtime.clock.now()
      stalls = isStalled(found, wake, at) ? stalls + 1 : 0
      const nextLookAt = nextLook({
        now: at,
        wakeAt: found.wakeAt,
        stalls,
        fraction: runtime.random.fraction(),
        checkEveryMs: options.checkEveryMs,
      })
      await options.onLook({ ...found, at, config, nextLookAt })
      wake = await nextWake(nextLookAt, options, runtime)
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What is due again right after it was done did not get done. */
function isStalled({ error, applied, wakeAt }: Found, { only }: Wake, at: Instant): boolean {
  if (error !== undefined) return true
  return applied && only === undefined && wakeAt !== undefined && wakeAt <= at
}

/** Waits until there is a reason to look, and reads the configuration when that changes; `undefined` is the end. */
async function nextWake(
  until: Instant,
  { configuration, place, requests, bell, onPhase, onProgress, onConfiguration, signal }: LoopOptions,
  { clock, watch }: Pick<Runtime, 'clock' | 'watch'>,
): Promise<Wake | undefined> {
  const moment = () => ({ wall: clock.now(), monotonicMs: clock.monotonic() })
  const since = moment()
  onPhase('waiting')
  while (!signal.aborted) {
    onProgress()
    const { reload, look } = requests.take()
    const only = look === 'all' ? undefined : look
    let hinted = false
    using _watch = watch([dirname(place.file), place.dropIns], () => {
      hinted = true
      bell.ring()
    })
    // Watched first, so that no change falls between.
    if (reload || (await configuration.hasChanged())) {
      onPhase('reloading')
      const { error } = await configuration.reload()
      await onConfiguration()
      if (error === undefined) return { only, gentle: false } // what was asked for is asked for of what was read
      onPhase('waiting') // with what was read before
    }
    if (look !== undefined) return { only, gentle: false }
    const slice = nextSlice(until, { since, now: moment() })
    // Where the clock is not what it was, the network may have been away too.
    if (slice.kind === 'wake') return { only: undefined, gentle: slice.why === 'clock' }
    await bell.sleep(slice.ms)
    if (hinted) await clock.sleep(settleMs, signal).catch(() => {}) // stopped, which is seen above
  }
  return undefined
}
