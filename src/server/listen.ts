/** A server that listens: the application of `app.ts` on a socket, with a certificate of its own issuer. */
import { parseIdentifier } from '../acme/identifier.ts'
import { dayMs } from '../base/instant.ts'
import type { ListenAddress } from '../runtime/network.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type AcmeServer, createAcmeServer } from './app.ts'
import { issueServerCertificate } from './issuance/server-certificate.ts'
import type { AcmeServerOptions } from './options.ts'

export type ListeningAcmeServer = AsyncDisposable & {
  readonly server: AcmeServer
  /** What ACME clients are given; they must trust the issuer's root. */
  readonly directoryUrl: string
  readonly address: ListenAddress
}

export type ListenOptions = Omit<AcmeServerOptions, 'baseUrl'> & {
  /** Address to listen on; port 0 takes a free one. */
  readonly listen: ListenAddress
  /** The name or address by which clients know the server; by default the one it listens on. */
  readonly host?: string
}

/** As long as browsers accept. The certificate is not renewed while the server runs. */
const ownCertificateLifetimeMs = 397 * dayMs

/**
 * Starts an ACME server over HTTPS, with a certificate from its own issuer.
 * @throws AppError ERR_LISTEN when the address cannot be taken; ERR_IDENTIFIER for a host that no certificate can have
 */
export async function listenAcmeServer(
  { listen, host = listen.host, ...options }: ListenOptions,
  { serveHttps, ...runtime }: Pick<Runtime, 'clock' | 'http' | 'resolver' | 'serveHttps'>,
): Promise<ListeningAcmeServer> {
  const identifier = parseIdentifier(host)
  const own = await issueServerCertificate(
    options.issuer,
    { identifiers: [identifier], lifetimeMs: ownCertificateLifetimeMs },
    runtime,
  )
  // The base URL has the port, which is known only when the socket is there; no request comes before that.
  const created = Promise.withResolvers<AcmeServer>()
  const listener = await serveHttps(async request => (await created.promise).fetch(request), {
    ...listen,
    ...own,
  })
  const [address = listen] = listener.addresses
  const name = identifier.value.includes(':') ? `[${identifier.value}]` : identifier.value
  try {
    const server = createAcmeServer({ ...options, baseUrl: `https://${name}:${address.port}` }, runtime)
    created.resolve(server)
    return {
      server,
      directoryUrl: server.directoryUrl,
      address,
      async [Symbol.asyncDispose]() {
        await listener[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await listener[Symbol.asyncDispose]()
    throw error
  }
}
