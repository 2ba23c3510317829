/** Free TCP ports of the loopback interface. */
import { createServer } from 'node:net'

// Below the range from which the kernel takes the ports of outgoing connections (32768 and up on Linux), so that no
// connection can take a port between the look and the use.
const firstPort = 10_000
const lastPort = 32_000

// Test files run at the same time: each process looks in a window of its own first.
const windowSize = 40
const windows = Math.floor((lastPort - firstPort) / windowSize)
let next = firstPort + (process.pid % windows) * windowSize

/** A port of 127.0.0.1 on which nothing listens; no port is given out twice by one process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < lastPort - firstPort; tries++) {
    const port = next
    next = next + 1 < lastPort ? next + 1 : firstPort
    if (await isFree(port)) return port
  }
  throw new Error('no free port on 127.0.0.1')
}

/** `count` different free ports. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

// On all addresses: a server elsewhere on the machine that listens on 0.0.0.0 must be seen too.
function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
