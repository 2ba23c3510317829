/** What every command is made of. */

import type { ConfigPlace } from '../manage/config/place.ts'
import type { ConfigOverrides } from '../manage/config/specs.ts'
import type { OnEvent } from '../manage/events.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** Exit codes, part of the interface. */
export const exitCodes = { done: 0, failed: 1, usage: 2, nothingToDo: 3 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** What a command ends with: the same result for people and for programs; `json` is undefined where all of it is printed already. */
export type CommandResult = { readonly exitCode: ExitCode; readonly text: string; readonly json: unknown }

/** Flags that every command takes. */
export type GlobalOptions = {
  readonly config?: string
  readonly state?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly color: boolean
  readonly authority?: string
  readonly trust?: string
}

/** What a command works with. */
export type CommandContext = {
  readonly globals: GlobalOptions
  readonly runtime: Runtime
  readonly place: ConfigPlace
  /** The state directory, absolute. */
  readonly state: string
  /** From `--authority` and `--trust`; overrides the configuration. */
  readonly authority: ConfigOverrides['authority']
  readonly onEvent: OnEvent
  /** Ends the progress display before something is asked or printed. */
  readonly endProgress: () => void
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/** A command: options as commander parsed them. */
export type Command<Options> = (context: CommandContext, options: Options) => Promise<CommandResult>
