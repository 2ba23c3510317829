/** A connection whose bytes are kept on their way to TLS, up to the end of the handshake. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Hellos, certificates and signatures come to 2 to 10 KiB; whoever sends more is not listened to any further. */
const maxKept = 262_144

export type Overheard = {
  /** To be used instead of the connection. */
  readonly socket: Duplex
  /** What the server has said since. */
  received(): Buffer
  /** Takes a line of the key log (NSS format). */
  takeKey(line: Buffer): void
  /** The secret of the server's part of a TLS 1.3 handshake, once it is known. */
  serverSecret(): Buffer | undefined
}

/** Stands between a connection and TLS. */
export function overhear(raw: Socket): Overheard {
  const kept: Buffer[] = []
  let keptBytes = 0
  let secret: Buffer | undefined
  const socket = new Duplex({
    read: () => void raw.resume(),
    write: (chunk, encoding, done) => void raw.write(chunk, encoding, done),
    final: done => void raw.end(done),
    destroy: (error, done) => {
      raw.destroy()
      done(error)
    },
  })
  raw.on('data', (chunk: Buffer) => {
    if (keptBytes < maxKept) kept.push(chunk)
    keptBytes += chunk.length
    if (!socket.push(chunk)) raw.pause()
  })
  raw.on('end', () => void socket.push(null))
  raw.on('error', error => void socket.destroy(error))
  socket.on('error', () => {}) // seen where the handshake is waited for
  raw.on('close', () => void socket.destroy())
  return {
    socket,
    received: () => Buffer.concat(kept),
    takeKey: line => {
      const [, hex] = /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]+ ([0-9a-f]+)\s*$/.exec(line.toString()) ?? []
      if (hex !== undefined) secret = Buffer.from(hex, 'hex')
    },
    serverSecret: () => secret,
  }
}
