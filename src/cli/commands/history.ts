/** `certwright history NAME`: what happened. */
import { formatInstant } from '../../base/instant.ts'
import {
  chronological,
  type HistoryEntry,
  historyEntryJson,
  readHistory,
} from '../../manage/store/history.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { failureLines } from '../error-text.ts'
import { findStored } from '../stored.ts'
import { styled } from '../text.ts'

/** Prints what happened to a certificate, the oldest first. */
export async function history(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const { state, runtime, globals } = context
  const name = await findStored(context, args[0] ?? '')
  const entries = chronological(await readHistory(state, name, runtime))
  return {
    exitCode: exitCodes.done,
    text: entries.length === 0 ? `${name}: nothing has happened yet\n` : historyText(entries, globals.color),
    json: { name, entries: entries.map(historyEntryJson) },
  }
}

/** A line for each entry, what belongs to it below. Pure. */
export function historyText(entries: readonly HistoryEntry[], color: boolean): string {
  const width = Math.max(...entries.map(({ kind }) => kind.length))
  return entries
    .map(entry => {
      const head = `${formatInstant(entry.at)}  ${styled(color, colorOf(entry), entry.kind.padEnd(width))}  `
      const below = `\n${' '.repeat(formatInstant(entry.at).length + width + 4)}`
      return `${head}${[...failureLines({ message: entry.text, hint: entry.hint }), ...timesOf(entry)].join(below)}\n`
    })
    .join('')
}

function colorOf({ kind }: HistoryEntry): 'green' | 'red' | 'yellow' {
  if (kind === 'failed' || kind === 'refused') return 'red'
  return kind === 'revoked' ? 'yellow' : 'green'
}

function timesOf({ count, lastAt }: HistoryEntry): readonly string[] {
  return count === undefined || lastAt === undefined
    ? []
    : [`${count} times, the last one at ${formatInstant(lastAt)}`]
}
