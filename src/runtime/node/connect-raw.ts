/** TCP connections for protocols that we speak ourselves. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { unlessAborted } from '../../base/aborted.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import type { ConnectRaw, RawConnection, RawLimits, RawTarget } from '../raw-connection.ts'
import { connectFailure } from './connect-failure.ts'
import type { Progress } from './start-tls/start-tls.ts'

/** Connections over real sockets. */
export function nodeConnectRaw(): ConnectRaw {
  return async (target, limits) => {
    const { Socket } = await import('node:net')
    const shown = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`
    const progress: Progress = { awaited: 'take the connection', said: '' }
    const deadline = new AbortController()
    const timer = setTimeout(
      () => deadline.abort(tooSlow(shown, progress, limits.timeoutMs)),
      limits.timeoutMs,
    )
    const signal = AbortSignal.any([deadline.signal, ...(limits.signal ? [limits.signal] : [])])
    const socket = new Socket().on('error', () => {}) // errors are seen where they are waited for
    const close = (): void => {
      clearTimeout(timer)
      socket.destroy()
    }
    try {
      await unlessAborted(() => open(socket, target, { shown, progress }), `connecting to ${shown}`, signal)
    } catch (error) {
      close()
      throw isAppError(error) ? error : connectFailure(error, shown)
    }
    progress.awaited = 'answer'
    return connection(socket, { shown, signal, close, maxBytes: limits.maxBytes })
  }
}

async function open(
  socket: Socket,
  { host, port, startTls: protocol, serverName = host }: RawTarget,
  { shown, progress }: { readonly shown: string; readonly progress: Progress },
): Promise<void> {
  await once(socket.connect({ host, port }), 'connect')
  socket.setNoDelay(true)
  if (protocol === undefined) return
  const { startTls } = await import('./start-tls/start-tls.ts')
  await startTls(socket, protocol, { shown, serverName, progress })
}

type Open = Pick<RawLimits, 'maxBytes'> & {
  readonly shown: string
  readonly signal: AbortSignal
  readonly close: () => void
}

function connection(socket: Socket, { shown, signal, close, maxBytes }: Open): RawConnection {
  const chunks: AsyncIterator<unknown> = socket.iterator({ destroyOnReturn: false })
  let received = 0
  return {
    send: bytes => void socket.write(bytes),
    receive: async () => {
      const next = () => chunks.next().catch(() => ({ done: true, value: undefined })) // broken off is an end too
      const { done, value } = await unlessAborted(next, `waiting for ${shown}`, signal)
      if (done === true || !Buffer.isBuffer(value)) return undefined
      received += value.length
      if (received > maxBytes)
        throw new AppError('ERR_REPLY_TOO_LARGE', `${shown} sent more than ${maxBytes} bytes`)
      return new Uint8Array(value)
    },
    [Symbol.dispose]: close,
  }
}

function tooSlow(shown: string, { awaited, said }: Progress, timeoutMs: number): AppError {
  const heard = said === '' ? '' : `; it said ${said}`
  const text = `${shown} did not ${awaited} within ${formatDuration(timeoutMs)}${heard}`
  return new AppError('ERR_TIMEOUT', text, {
    hint: 'see that the port is right and that no firewall is in between',
  })
}
