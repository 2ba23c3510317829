/** Text through sockets in the file system. */
import { unlessAborted } from '../../base/aborted.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { AskSocket } from '../local-socket.ts'

const replyWithinMs = 10 * secondMs
/** A line for each of some ten thousand certificates. */
const maxReplyBytes = 4 * 1024 * 1024

/** Sockets of this machine. */
export function nodeAskSocket(): AskSocket {
  return async (path, text, { signal }) => {
    const { connect } = await import('node:net')
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    promise.catch(() => {}) // where nobody waits for it any more
    const shown = printable(path)
    const chunks: Buffer[] = []
    let length = 0
    const socket = connect({ path })
    socket.setTimeout(replyWithinMs, () =>
      socket.destroy(new AppError('ERR_TIMEOUT', `${shown} did not answer within ${replyWithinMs} ms`)),
    )
    socket.once('error', reject)
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    socket.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > maxReplyBytes) socket.destroy(new Error(`more than ${maxReplyBytes} bytes`))
      else chunks.push(chunk)
    })
    socket.write(text)
    try {
      return await unlessAborted(() => promise, `asking at ${shown}`, signal)
    } catch (cause) {
      if (isAppError(cause)) throw cause
      throw new AppError('ERR_NETWORK', `cannot ask at ${shown}: ${messageOf(cause)}`, { cause })
    } finally {
      socket.destroy()
    }
  }
}
