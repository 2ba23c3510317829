/**
 * `status` without the table of commands: people and scripts ask it often, and loading the table would take longer than
 * answering.
 */
import type { GlobalOptions } from './command.ts'

const flags = new Map<string, Partial<GlobalOptions>>([
  ['--json', { json: true }],
  ['--quiet', { quiet: true }],
  ['--verbose', { verbose: true }],
  ['--no-color', { color: false }],
])
const valued = new Map<string, 'config' | 'state'>([
  ['--config', 'config'],
  ['--state', 'state'],
])

/** The options of a plain `status`; `undefined` for everything else, mistakes included, which the table understands. */
export function quickStatus(args: readonly string[]): GlobalOptions | undefined {
  let globals: GlobalOptions = { color: true }
  let commands = 0
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? ''
    const option = valued.get(argument)
    if (option !== undefined) {
      index += 1
      const value = args[index]
      if (value === undefined || value.startsWith('-')) return undefined
      globals = { ...globals, [option]: value }
    } else if (argument === 'status') commands += 1
    else if (flags.has(argument)) globals = { ...globals, ...flags.get(argument) }
    else return undefined
  }
  return commands === 1 ? globals : undefined
}
