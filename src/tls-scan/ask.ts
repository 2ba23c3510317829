/** Saying hello to a server and hearing what it answers: one connection for each question. */
import { isAppError } from '../base/errors.ts'
import type { ConnectRaw, RawConnection, RawLimits, RawTarget } from '../runtime/raw-connection.ts'
import { joined } from './bytes.ts'
import { type ClientHello, clientHelloRecord } from './client-hello.ts'
import { createFlightReader, type Flight } from './server-hello.ts'
import { readSsl2Hello, ssl2Hello } from './ssl2.ts'

/** What came of a question. */
export type Answer = {
  readonly flight: Flight
  /** How it ended: as the protocol has it, by hanging up, with nothing more in time, or with something that is no TLS. */
  readonly end: 'complete' | 'closed' | 'silent' | 'unreadable'
}

/** How questions reach the server. */
export type Way = { readonly target: RawTarget; readonly limits: RawLimits; readonly connect: ConnectRaw }

/**
 * Sends a ClientHello and reads up to where the server waits or encrypts.
 * @throws AppError ERR_NETWORK, ERR_TIMEOUT or ERR_STARTTLS when there is no connection to say it on; ERR_ABORTED
 */
export async function askHello(hello: ClientHello, { target, limits, connect }: Way): Promise<Answer> {
  using connection = await connect(target, limits)
  const reader = createFlightReader()
  connection.send(clientHelloRecord(hello))
  const end = await untilEnd(connection, bytes => reader.take(bytes).complete)
  return { flight: reader.sofar(), end }
}

/** Feeds what comes to `take` until it says that it has all. */
async function untilEnd(
  connection: RawConnection,
  take: (bytes: Uint8Array) => boolean,
): Promise<Answer['end']> {
  try {
    for (;;) {
      const bytes = await connection.receive()
      if (bytes === undefined) return 'closed'
      if (take(bytes)) return 'complete'
    }
  } catch (error) {
    if (isAppError(error, 'ERR_TIMEOUT')) return 'silent'
    if (isAppError(error, 'ERR_REPLY_INVALID', 'ERR_REPLY_TOO_LARGE')) return 'unreadable'
    throw error
  }
}

/**
 * The ciphers that a server agrees to in SSL 2; none where it does not speak it.
 * @throws AppError as {@link askHello}
 */
export async function askSsl2(
  challenge: Uint8Array,
  { target, limits, connect }: Way,
): Promise<readonly string[]> {
  using connection = await connect(target, limits)
  let data: Uint8Array = new Uint8Array()
  let names: readonly string[] | undefined
  connection.send(ssl2Hello(challenge))
  await untilEnd(connection, bytes => {
    data = joined(data, bytes)
    names = readSsl2Hello(data)
    return names !== undefined
  })
  return names ?? []
}
