/** What makes a server use a stored certificate. */
import type { Identifier } from '../acme/identifier.ts'
import type { AppError } from '../base/errors.ts'
import type { ProbeTarget } from '../runtime/network.ts'

/** The certificate as servers read it: a directory behind one link, and what is in it. */
export type DeployableCertificate = {
  readonly name: string
  readonly identifiers: readonly Identifier[]
  /** `live/<name>`, absolute. */
  readonly liveDirectory: string
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly fingerprint: string
}

/** An address and name at which the server must show the certificate. */
export type Endpoint = ProbeTarget & {
  /** Where this endpoint comes from, for people: `/etc/nginx/sites-enabled/www:3`. */
  readonly source: string
}

/** What a target looks like before anything is done. */
export type Inspection =
  | { readonly state: 'ready'; readonly endpoints: readonly Endpoint[]; readonly notes: readonly string[] }
  /** The certificate must not be switched for this target: its configuration is broken, or it does not run. */
  | { readonly state: 'broken' | 'not-running' | 'unused'; readonly error: AppError }

/**
 * A deployer works on servers that read `live/<name>`. It never writes certificate files; the order is: inspect, the
 * store switches the link, activate, the caller probes the endpoints, and on failure switches back and activates again.
 */
export interface Deployer {
  readonly name: string
  /** Tests the configuration and finds the endpoints. MUST NOT change anything. */
  inspect(certificate: DeployableCertificate, options: { readonly signal: AbortSignal }): Promise<Inspection>
  /**
   * Tests the configuration with the files now in place and makes the server read them.
   * @throws AppError ERR_DEPLOY when the test or the reload fails; the server then still serves what it served before
   */
  activate(options: { readonly signal: AbortSignal }): Promise<void>
}
