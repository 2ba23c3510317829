/** What commands work with, on a machine in memory. */
import type { CommandContext } from '../../src/cli/command.ts'
import type { ManagerEvent } from '../../src/manage/events.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { type FakeRuntime, fakeRuntime } from '../../src/testing/fake-runtime.ts'

/** Where things lie on that machine. */
export const paths = {
  config: '/etc/certwright/certwright.yaml',
  dropIns: '/etc/certwright/certificates.d',
  state: '/var/lib/certwright',
} as const

type Machine = Runtime & Pick<FakeRuntime, 'clock' | 'files'>

export type FakeContext = {
  readonly context: CommandContext
  readonly runtime: Machine
  readonly events: readonly ManagerEvent[]
}

/** A context with a configuration. Nobody can be asked anything, and waiting takes no time. */
export async function fakeContext(
  config?: string,
  {
    runtime: parts = {},
    ...context
  }: Partial<Omit<CommandContext, 'runtime'>> & {
    readonly runtime?: Partial<Omit<Runtime, 'clock' | 'files'>>
  } = {},
): Promise<FakeContext> {
  const runtime: Machine = fakeRuntime(parts, { autoAdvance: true })
  if (config !== undefined) await runtime.files.put(paths.config, config)
  const events: ManagerEvent[] = []
  return {
    runtime,
    events,
    context: {
      globals: { color: false },
      runtime,
      place: { file: paths.config, dropIns: paths.dropIns },
      state: paths.state,
      authority: undefined,
      onEvent: event => void events.push(event),
      endProgress: () => {},
      interactive: false,
      signal: new AbortController().signal,
      ...context,
    },
  }
}
