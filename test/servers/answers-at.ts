/** Servers that do not say when they are ready. */
import { connect } from 'node:net'

/** Whether somebody listens at a port of this machine. */
export function answersAt(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
