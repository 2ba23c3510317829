/** What edits the configuration of a server, so that it uses a certificate. */
import type { TextEdit } from '../base/text-edit.ts'
import type { DeployableCertificate } from './deployer.ts'

/** What a person asked for beside the certificate. */
export type InstallWishes = {
  /** Plain requests are sent on to https. */
  readonly redirect: boolean
  /** `max-age` of Strict-Transport-Security in seconds; no header when absent. */
  readonly hstsSeconds?: number
  /** Of the TLS settings, in Mozilla's guideline. */
  readonly profile: 'modern' | 'intermediate'
  /** Parts of the configuration that are meant, by names as they stand there; by the certificate's names when empty. */
  readonly serverNames: readonly string[]
  /** The directory that answers http-01, where files do. */
  readonly webroot?: string
  readonly httpPort: number
  readonly httpsPort: number
}

/** A file of the server's configuration with its changes. */
export type PlannedFile = {
  /** Absolute, free of links. */
  readonly path: string
  /** As it lies there now. */
  readonly current: string
  /** The same without the edits of earlier installations: what `edits` count from. */
  readonly base: string
  readonly edits: readonly TextEdit[]
}

/** A file of ours that the configuration includes. */
export type OwnFile = { readonly path: string; readonly text: string }

export type InstallPlan = {
  readonly files: readonly PlannedFile[]
  readonly ownFiles: readonly OwnFile[]
  /** Where own files lie; made when it is missing. */
  readonly ownDirectory: string
  /** What people should know; one line each. */
  readonly notes: readonly string[]
  /** What the server complains of already. */
  readonly warnings: readonly string[]
}

export type PlanOptions = {
  readonly wishes: InstallWishes
  /** A file's text without the edits of an earlier installation. */
  readonly withoutEdits: (path: string, text: string) => string
  readonly signal: AbortSignal
}

/** An installer decides; somebody else shows, writes, tests, reloads, probes and puts back. */
export interface Installer {
  readonly name: string
  /**
   * Looks at the configuration and decides what to edit. MUST NOT change anything.
   * @throws AppError ERR_DEPLOY, ERR_DEPLOY_BROKEN_BEFORE, ERR_DEPLOY_UNUSED; with file and line where there is one
   */
  plan(certificate: DeployableCertificate, options: PlanOptions): Promise<InstallPlan>
  /** What the server complains of now, in words that stay equal when lines move. MUST NOT change anything. */
  warnings(options: { readonly signal: AbortSignal }): Promise<readonly string[]>
}
