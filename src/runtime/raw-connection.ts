/** TCP connections whose bytes we write and read ourselves. */
import type { StartTls } from './network.ts'

/** Where to connect to. */
export type RawTarget = {
  /** An address, or a name that this machine resolves. */
  readonly host: string
  readonly port: number
  /** The dialogue that comes first, up to where the client begins with TLS; none when absent. */
  readonly startTls?: StartTls | undefined
  /** What the server is called in that dialogue. */
  readonly serverName?: string | undefined
}

/** Limits of one connection. */
export type RawLimits = {
  /** For everything: connecting, the dialogue, and waiting for bytes. */
  readonly timeoutMs: number
  /** The most that is read. */
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

/** A connection that is open until it is disposed of. */
export interface RawConnection extends Disposable {
  /** Sends, and waits for nothing; where the other side is gone, `receive` tells. */
  send(bytes: Uint8Array): void
  /**
   * What came next; `undefined` once the other side has ended or broken off.
   * @throws AppError ERR_TIMEOUT, ERR_REPLY_TOO_LARGE, ERR_ABORTED
   */
  receive(): Promise<Uint8Array | undefined>
}

/**
 * Connects.
 * @throws AppError ERR_NETWORK or ERR_TIMEOUT; ERR_ABORTED
 */
export type ConnectRaw = (target: RawTarget, limits: RawLimits) => Promise<RawConnection>
