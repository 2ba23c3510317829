/** What makes a server use a stored certificate. */
import type { Identifier } from '../acme/identifier.ts'
import type { AppError } from '../base/errors.ts'
import type { KeyKind, ProbeTarget } from '../runtime/network.ts'
import type { PreparedFiles } from '../runtime/target-files.ts'

/** The certificate as servers read it: a directory behind one link, and what is in it. */
export type DeployableCertificate = {
  readonly name: string
  readonly identifiers: readonly Identifier[]
  /** `live/<name>`, absolute. */
  readonly liveDirectory: string
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly fingerprint: string
  /** The private key was made elsewhere: `privkey.pem` and `combined.pem` are not there. */
  readonly keyIsElsewhere?: boolean
  /** Where there are two for the same names: the kind of key in this one, and `live/<name>` of the other. */
  readonly pair?: { readonly keyKind: KeyKind; readonly otherDirectory: string }
}

/** An address and name at which the server must show the certificate. */
export type Endpoint = ProbeTarget & {
  /** Where this endpoint comes from, for people: `/etc/nginx/sites-enabled/www:3`. */
  readonly source: string
}

/** What a target looks like before anything is done. */
export type Inspection =
  | {
      readonly state: 'ready'
      readonly endpoints: readonly Endpoint[]
      readonly notes: readonly string[]
      /** How long it may take until the certificate is seen, where that is not the usual time. */
      readonly servedWithinMs?: number
    }
  /**
   * The certificate must not be switched for this target: its configuration is broken, or it does not use it. For a server
   * that does not run, files are put in place all the same, so that it can be started.
   */
  | { readonly state: 'broken' | 'not-running' | 'unused'; readonly error: AppError }

/** What a server is told about. */
export type Activation = {
  /** Those whose links were switched: the two of a pair, or one. */
  readonly certificates?: readonly DeployableCertificate[]
  /** The earlier files are back in their places, because the new certificate was not seen everywhere. */
  readonly goingBack?: boolean
  readonly signal: AbortSignal
}

/**
 * A deployer works on servers that read `live/<name>`, or on servers that read copies, which it prepares. The order is:
 * inspect, prepare, the store switches the link, the caller commits the copies, activate, the caller probes the endpoints;
 * on failure the caller switches back, puts the earlier copies back, and activates again.
 */
export interface Deployer {
  readonly name: string
  /** It reads the private key itself, and so is not given certificates whose key is elsewhere. */
  readonly needsKey?: boolean
  /** Nobody is told of new files: `activate` does nothing. */
  readonly isSilent?: boolean
  /** Tests the configuration and finds the endpoints. MUST NOT change anything. */
  inspect(certificate: DeployableCertificate, options: { readonly signal: AbortSignal }): Promise<Inspection>
  /**
   * Makes the copies ready that its servers read. MUST NOT change anything that a server reads.
   * @returns `undefined` where they read `live/<name>` themselves
   * @param options.directory - of the generation; `live/<name>` does not lead to it yet
   * @throws AppError ERR_DEPLOY; then nothing is left behind
   */
  prepare?(
    certificate: DeployableCertificate,
    options: { readonly directory: string; readonly signal: AbortSignal },
  ): Promise<PreparedFiles | undefined>
  /**
   * Tests the configuration with the files now in place and makes the server read them.
   * @throws AppError ERR_DEPLOY when the test or the reload fails; the server then still serves what it served before
   */
  activate(activation: Activation): Promise<void>
}
