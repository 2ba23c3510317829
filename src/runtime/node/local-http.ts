/** HTTP over sockets in the file system. */
import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { LocalHttp, LocalReply, LocalRequest } from '../local-http.ts'
import { closeServer, createAnsweringServer } from './listen-http.ts'

const ownerOnly = 0o600
/** Nobody is far away. */
const replyWithinMs = 2 * secondMs
/** Some thousand certificates in metrics. */
const maxBodyBytes = 4 * 1024 * 1024
/** Of the address of a socket: 108 with the final zero byte on Linux, 104 on the BSDs and macOS. */
const maxPathBytes = 103

/** Sockets of this machine. */
export function nodeLocalHttp(): LocalHttp {
  return {
    listen: async (path, answer) => {
      // The kernel would cut a longer one, and the socket would lie somewhere else.
      if (Buffer.byteLength(path) > maxPathBytes) throw listenFailure(path, 'its path is too long')
      const server = await createAnsweringServer(answer)
      try {
        rmSync(path, { force: true })
        await listen(server, path)
        chmodSync(path, ownerOnly)
      } catch (error) {
        await closeServer(server)
        throw listenFailure(path, messageOf(error), error)
      }
      return { [Symbol.asyncDispose]: () => closeServer(server) } // and the file is gone with it
    },
    ask,
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Not once: what goes wrong with one connection later must not end the process.
    server.on('error', reject).listen({ path }, resolve)
  })
}

function listenFailure(path: string, why: string, cause?: unknown): AppError {
  return new AppError('ERR_LISTEN', `cannot listen at ${printable(path)}: ${why}`, {
    hint: 'choose a state directory with a short path, on a file system of this machine, that this user may write to',
    cause,
  })
}

async function ask(path: string, { method, path: target }: LocalRequest): Promise<LocalReply | undefined> {
  const { request } = await import('node:http')
  const { promise, resolve, reject } = Promise.withResolvers<LocalReply | undefined>()
  const sending = request({ socketPath: path, method, path: target, agent: false })
  const timer = setTimeout(() => {
    sending.destroy(
      new AppError('ERR_TIMEOUT', `${printable(path)} did not answer within ${replyWithinMs} ms`),
    )
  }, replyWithinMs)
  sending.once('response', reply => {
    const chunks: Buffer[] = []
    let length = 0
    reply.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBodyBytes) sending.destroy(new Error(`more than ${maxBodyBytes} bytes`))
      else chunks.push(chunk)
    })
    reply.once('end', () =>
      resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
    )
    reply.once('error', reject)
  })
  sending.once('error', reject).end()
  try {
    return await promise
  } catch (error) {
    if (nobodyListens.includes(systemCodeOf(error) ?? '')) return undefined
    if (error instanceof AppError) throw error
    throw new AppError('ERR_NETWORK', `cannot ask at ${printable(path)}: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
  }
}

/** No socket there, or one whose process is dead. */
const nobodyListens: readonly string[] = ['ENOENT', 'ECONNREFUSED']
