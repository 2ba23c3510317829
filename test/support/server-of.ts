/** The server inside a listener, which hides it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'

const started = 'http.server.request.start'

/** Sends a request of this process to a server of this process, and returns that server. */
export async function serverOf(request: () => Promise<unknown>): Promise<Server> {
  let server: Server | undefined
  const look = (message: unknown) => {
    server = (message as { readonly server: Server }).server // as Node documents it
  }
  subscribe(started, look)
  try {
    await request()
  } finally {
    unsubscribe(started, look)
  }
  if (server === undefined) throw new Error('no server of this process was asked')
  return server
}
