/**
 * The standard output for results. Node's own stream takes longer to load than `status` takes to answer, so it is used
 * only where the system's call cannot do.
 */
import { fstatSync, writeSync } from 'node:fs'
import { systemCodeOf } from '../../base/errors.ts'

const standardOutput = 1

/** Writes all of a text before it returns. A reader that has gone away, as `head` does, is no error. */
export function printResult(text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(standardOutput, rest))
    } catch (error) {
      const code = systemCodeOf(error)
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      process.stdout.write(rest) // the other end does not want to be waited for: Node's stream tries again later
      return
    }
  }
}

/** Whether colours may be of use there; Node's `styleText` decides the rest. */
export function mayShowColours(): boolean {
  return process.env['FORCE_COLOR'] !== undefined || fstatSync(standardOutput).isCharacterDevice()
}

/** How wide the terminal is there; `undefined` where there is none. */
export function terminalColumns(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined
}
