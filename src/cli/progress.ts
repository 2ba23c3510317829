/** What is going on, on stderr: one line that changes on a terminal, plain lines elsewhere. */
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { ManagerEvent, OnEvent } from '../manage/events.ts'
import type { GlobalOptions } from './command.ts'
import { inOneLine } from './error-text.ts'

/** A display of events. `end` clears what is still moving; it may be called twice. */
export type Progress = { readonly onEvent: OnEvent; readonly end: () => void }

const barWidth = 20

/** Chooses the display: none with `--quiet`, a moving line on a terminal, plain lines elsewhere. */
export function createProgress(
  { quiet = false, json = false, color }: GlobalOptions,
  stream: WriteStream,
): Progress {
  if (quiet)
    return { onEvent: event => event.level === 'warning' && stream.write(plainLine(event)), end: () => {} }
  if (!stream.isTTY || json) return { onEvent: plainLines(stream), end: () => {} }
  return movingLine(stream, color)
}

// A step's parts are told once, when it begins: a log does not want a line for each of a hundred names.
function plainLines(stream: WriteStream): OnEvent {
  let last = ''
  return event => {
    const line = plainLine(event)
    if (line === last) return
    last = line
    stream.write(line)
  }
}

function plainLine({ certificate, text, level }: ManagerEvent): string {
  const who = certificate === undefined ? '' : `${certificate}: `
  return `${level === 'warning' ? 'warning: ' : ''}${who}${inOneLine(text)}\n`
}

function movingLine(stream: WriteStream, color: boolean): Progress {
  let shown = false
  const clear = () => {
    if (shown) stream.write('\r\x1b[2K')
    shown = false
  }
  const dim = (text: string) => (color ? styleText('dim', text, { stream }) : text)
  return {
    onEvent: event => {
      clear()
      if (event.level === 'warning') {
        stream.write(plainLine(event))
        return
      }
      const { certificate, text, done, total } = event
      const bar = done === undefined || total === undefined || total < 2 ? '' : ` ${progressBar(done, total)}`
      const line = `${certificate ?? ''} ${inOneLine(text)}${bar}`
        .trim()
        .slice(0, Math.max(20, (stream.columns || 80) - 1))
      stream.write(dim(line))
      shown = true
    },
    end: clear,
  }
}

/** `[#########-----------] 9/20`. */
export function progressBar(done: number, total: number): string {
  const full = Math.round((done / total) * barWidth)
  return `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}] ${done}/${total}`
}
