/** A server that listens: the application of `app.ts` on a socket, with a certificate of its own issuer. */
import { type Identifier, parseIdentifier } from '../acme/identifier.ts'
import { dayMs } from '../base/instant.ts'
import type { ListenAddress, ServeHttps } from '../runtime/network.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { generateKey, privateKeyPem } from '../x509/key.ts'
import { encodePem } from '../x509/pem.ts'
import { type AcmeServer, createAcmeServer } from './app.ts'
import { validityAt } from './issuance/validity.ts'
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
  {
    serveHttps,
    ...runtime
  }: Pick<Runtime, 'clock' | 'http' | 'resolver'> & { readonly serveHttps: ServeHttps },
): Promise<ListeningAcmeServer> {
  const identifier = parseIdentifier(host)
  const own = await ownCertificate(identifier, options, runtime)
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

async function ownCertificate(
  identifier: Identifier,
  { issuer }: Pick<AcmeServerOptions, 'issuer'>,
  { clock }: Pick<Runtime, 'clock'>,
): Promise<{ readonly certificatePem: string; readonly keyPem: string }> {
  const key = await generateKey('ecdsa-p256')
  const [chain = []] = await issuer.issue(
    { publicKey: key, identifiers: [identifier], ...validityAt(clock.now(), ownCertificateLifetimeMs) },
    { signal: new AbortController().signal },
  )
  return {
    certificatePem: chain.map(der => encodePem('CERTIFICATE', der)).join(''),
    keyPem: privateKeyPem(key),
  }
}
