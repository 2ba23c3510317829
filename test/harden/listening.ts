/** Waiting for a server to listen. */
import { connect } from 'node:net'
import type { RunningProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'

/** The slowest, on a machine that is busy. */
const startMs = 60_000

/**
 * Waits until a port of 127.0.0.1 takes connections.
 * @throws when the program ends first
 */
export async function untilListening(port: number, running: RunningProgram): Promise<void> {
  await until(
    `port ${port}`,
    async () => {
      if (running.hasEnded()) throw new Error(`the server ended:\n${running.output()}`)
      return (await takesConnections(port)) ? true : undefined
    },
    { timeoutMs: startMs },
  )
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
