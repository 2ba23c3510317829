/** Listening, and looking at what an endpoint serves. */

export type ListenAddress = { readonly host: string; readonly port: number }

/** A plain HTTP request as the challenge listener sees it. */
export type ListenerRequest = {
  readonly method: string
  readonly path: string
  readonly host: string | undefined
}
/** What the listener answers. */
export type ListenerReply = {
  readonly status: number
  readonly body: string
  /** Of the body; `application/octet-stream` when absent, which no browser shows. */
  readonly contentType?: string
}

/** Something that holds sockets or timers until it is disposed of. */
export interface Listener extends AsyncDisposable {
  /** The addresses that are really listened on (port 0 resolved). */
  readonly addresses: readonly ListenAddress[]
}

/**
 * Answers plain HTTP on every address. Request bodies are not read; headers are limited to 8 KiB and 10 s.
 * @throws AppError ERR_LISTEN when one address cannot be taken (the ones already taken are released); `cause` keeps
 * the system error (`EADDRINUSE`, `EACCES`)
 */
export type ListenHttp = (
  addresses: readonly ListenAddress[],
  answer: (request: ListenerRequest) => ListenerReply,
) => Promise<Listener>

/** Where to serve, and as whom. */
export type ServeHttpsOptions = ListenAddress & {
  /** Leaf first. */
  readonly certificatePem: string
  readonly keyPem: string
}

/**
 * Serves an application over HTTPS. Requests come with at most 64 KiB of body; connections are limited in number and in
 * time. The URL of a request has the address listened on, whatever its Host says.
 * @throws AppError ERR_LISTEN
 */
export type ServeHttps = (
  app: (request: Request) => Promise<Response>,
  options: ServeHttpsOptions,
) => Promise<HttpsListener>

/** An HTTPS server whose certificate can be replaced while it runs; connections that are open keep the old one. */
export interface HttpsListener extends Listener {
  setCertificate(certificate: Pick<ServeHttpsOptions, 'certificatePem' | 'keyPem'>): void
}

/** What servers with two certificates for one name choose by. */
export type KeyKind = 'ecdsa' | 'rsa'

/** Protocols in which client and server talk before TLS begins. */
export const startTlsProtocols = [
  'smtp',
  'lmtp',
  'imap',
  'pop3',
  'sieve',
  'ldap',
  'xmpp',
  'postgres',
  'mysql',
  'ftp',
] as const
export type StartTls = (typeof startTlsProtocols)[number]

export type ProbeTarget = {
  readonly host: string
  readonly port: number
  /** SNI; must be a DNS name. */
  readonly serverName?: string | undefined
  /** Send a PROXY protocol v1 line before the handshake. */
  readonly proxyProtocol?: boolean
  /** The dialogue that comes before the handshake; none when absent. */
  readonly startTls?: StartTls
  /** Accept only a certificate with a key of this kind; any when absent. */
  readonly keyKind?: KeyKind
}

/** What an endpoint showed in a handshake made without session resumption. */
export type Served = {
  /** The leaf's DER. */
  readonly leaf: Uint8Array
  /** DER of the certificates in the order in which they were sent; where that cannot be seen, as far as they link up. */
  readonly chain: readonly Uint8Array[]
  /** `TLSv1.3`, … */
  readonly protocol: string
}

/**
 * Makes one TLS handshake and reports what was served, trusted or not.
 * @throws AppError ERR_NETWORK, ERR_TIMEOUT, or ERR_STARTTLS when the dialogue before it did not lead to TLS
 */
export type ProbeTls = (
  target: ProbeTarget,
  options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
) => Promise<Served>

/** Which local process listens on a TCP port, as far as this system tells: `nginx (pid 123)`. */
export type PortOwner = (port: number) => Promise<string | undefined>
