/** One HTTP exchange: no redirects followed, no status treated as an error, everything capped. */

export type HttpRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** PEM of the only roots to trust; the system's when absent. */
  readonly trustPem?: string | undefined
  /** Connect to this address instead of resolving the host of the URL. */
  readonly address?: string
  /**
   * Take whatever certificate the server shows. Only together with `address`: for a CA that looks at a server which may
   * not have a good certificate yet, and for nothing that carries a secret.
   */
  readonly anyCertificate?: boolean
  /** Largest body accepted; the default is 64 KiB. */
  readonly maxBodyBytes?: number
  /** Time to connect, TLS included; the default is 10 s. */
  readonly connectTimeoutMs?: number
  /** Time until the headers are there, counted from the connection; the default is 30 s. */
  readonly headersTimeoutMs?: number
  /** Time for the body; the default is 60 s. */
  readonly bodyTimeoutMs?: number
  readonly signal?: AbortSignal
}

export type HttpReply = {
  readonly status: number
  /** Lower-case names; values of repeated fields joined by ", ". */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/**
 * Connections are kept alive and reused per origin and trust.
 * @throws AppError ERR_NETWORK or ERR_TIMEOUT when the request was certainly not sent (no address, refused, TLS, connect
 * timeout); ERR_REPLY_LOST when it broke or timed out after sending began; ERR_REPLY_TOO_LARGE; ERR_ABORTED
 */
export type HttpExchange = (url: string, request: HttpRequest) => Promise<HttpReply>
