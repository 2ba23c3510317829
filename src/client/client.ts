/** The ACME client: one exchange per method, nothing remembered but nonces and the directory. */
import type { Directory } from '../acme/directory.ts'
import { type Logger, silentLogger } from '../base/log.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type AccountRequests, accountRequests } from './accounts.ts'
import { parseAuthority } from './authority.ts'
import { type AuthorizationRequests, authorizationRequests } from './authorizations.ts'
import { type CertificateRequests, certificateRequests } from './certificates.ts'
import { type OrderRequests, orderRequests } from './orders.ts'
import { type RenewalInfoRequests, renewalInfoRequests } from './renewal-info.ts'
import { type RevocationRequests, revocationRequests } from './revocations.ts'
import { createTransport, type RequestOptions } from './transport.ts'
import { userAgentField } from './user-agent.ts'

export type { AccountKey } from './accounts.ts'

/** Settings of a client. */
export type AcmeClientOptions = {
  /** The directory URL: https, or http on a loopback address. */
  readonly directory: string
  /** PEM of the only roots to trust for HTTPS; the system's when absent. */
  readonly trustPem?: string
  /** `name/version` of the program; the platform is added. */
  readonly userAgent?: string
  /** Languages for the CA's error texts; English when absent. */
  readonly acceptLanguage?: string
  readonly log?: Logger
}

/**
 * Everything that RFC 8555 and RFC 9773 let one ask of a CA. Each method takes `{ signal }` last; an aborted call may have
 * had its effect at the CA. Every error names the CA and what it was asked to do; beside those that the methods name, each
 * throws AcmeProblemError (with `retryAt` where the CA gave a time), and AppError ERR_RATE_LIMITED, ERR_NETWORK,
 * ERR_TIMEOUT, ERR_REPLY_INVALID, ERR_REPLY_TOO_LARGE, ERR_REPLY_LOST (effects only) and ERR_ABORTED.
 */
export type AcmeClient = AccountRequests &
  OrderRequests &
  AuthorizationRequests &
  CertificateRequests &
  RenewalInfoRequests &
  RevocationRequests & {
    /** The directory; kept for six hours, and fetched again when a URL of it is no longer there. */
    readonly directory: (options: RequestOptions) => Promise<Directory>
    /**
     * How far the CA's clock was ahead of this machine's when the directory was fetched, in milliseconds, to the second;
     * negative where it was behind, `undefined` where the CA did not say.
     */
    readonly clockAheadMs: (options: RequestOptions) => Promise<number | undefined>
  }

/**
 * A client for one CA. Nothing is sent before the first call; calls may overlap and share one pool of nonces.
 * @throws AppError ERR_FORMAT for a directory that is no https URL
 */
export function createAcmeClient(
  { directory, trustPem, userAgent, acceptLanguage = 'en', log = silentLogger }: AcmeClientOptions,
  runtime: Pick<Runtime, 'clock' | 'random' | 'http'>,
): AcmeClient {
  const transport = createTransport(
    {
      authority: parseAuthority(directory),
      trustPem,
      userAgent: userAgentField(userAgent),
      acceptLanguage,
      log,
    },
    runtime,
  )
  const accounts = accountRequests(transport)
  return {
    directory: transport.directory,
    clockAheadMs: transport.clockAheadMs,
    ...accounts,
    ...orderRequests(transport, accounts),
    ...authorizationRequests(transport),
    ...certificateRequests(transport),
    ...renewalInfoRequests(transport),
    ...revocationRequests(transport),
  }
}
