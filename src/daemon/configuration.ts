/** The last good configuration, and whether its files are still those that it was read from. */
import { AppError, isAppError, messageOf } from '../base/errors.ts'
import type { Instant } from '../base/instant.ts'
import { configStamp } from '../manage/config/cache.ts'
import type { ConfigPlace } from '../manage/config/place.ts'
import type { Config } from '../manage/spec.ts'
import type { Runtime } from '../runtime/runtime.ts'

export type ConfigurationOptions = {
  readonly place: ConfigPlace
  readonly load: () => Promise<Config>
}

export type GoodConfiguration = {
  readonly config: Config
  /** When it was read. */
  readonly readAt: Instant
  /** Why the files as they are now cannot be used; absent where they are the ones in use. */
  readonly error?: AppError
}

export interface Configuration {
  current(): GoodConfiguration
  /** Whether a file has changed since the last attempt to read them. */
  hasChanged(): Promise<boolean>
  /** Reads the files; where they cannot be used, what was read before stays. */
  reload(): Promise<GoodConfiguration>
}

/**
 * Reads the configuration for the first time.
 * @throws AppError ERR_CONFIG, ERR_CONFIG_READ
 */
export async function readConfiguration(
  { place, load }: ConfigurationOptions,
  runtime: Pick<Runtime, 'clock' | 'files'>,
): Promise<Configuration> {
  // What cannot be listed is a state of the files like any other.
  const look = () => configStamp(place, runtime).catch(messageOf)
  // Before they are read: a change in between is then seen as one.
  let stamp = await look()
  let current: GoodConfiguration = { config: await load(), readAt: runtime.clock.now() }
  return {
    current: () => current,
    hasChanged: async () => (await look()) !== stamp,
    reload: async () => {
      stamp = await look()
      try {
        current = { config: await load(), readAt: runtime.clock.now() }
      } catch (error) {
        current = { ...current, error: isAppError(error) ? error : defect(error) }
      }
      return current
    },
  }
}

// Not even a defect of ours in reading a file ends a daemon that has something to go on with.
function defect(cause: unknown): AppError {
  return new AppError('ERR_CONFIG_READ', `cannot read the configuration: ${messageOf(cause)}`, {
    hint: 'this is a defect of Certwright; the configuration that was read before stays in use',
    cause,
  })
}
