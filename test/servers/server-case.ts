/** What a test of a server has to bring along. */
import type { TargetKind } from '../../src/contracts/target-options.ts'
import type { StartTls } from '../../src/runtime/network.ts'

/** Where a server is asked for its certificate. */
export type Place = { readonly port: number; readonly startTls?: StartTls; readonly serverName?: string }

/** What a server is started with. */
export type Setup = {
  /** Of its own, searchable by every user. */
  readonly directory: string
  /** What its configuration has to name. */
  readonly certificateFile: string
  readonly keyFile: string
  /** Key, certificate and intermediates. */
  readonly combinedFile: string
  /** The certificate is for these. */
  readonly names: readonly [string, string]
}

/** A server that runs. */
export type RunningServer = AsyncDisposable & {
  /** Options of the target, as in the configuration. */
  readonly options: Readonly<Record<string, unknown>>
  readonly places: readonly Place[]
  /**
   * Makes its configuration one that it does not accept, and gives what makes it good again. What is wrong has nothing to do with
   * certificates.
   */
  breakConfiguration(): Promise<() => Promise<void>>
}

export type ServerCase = {
  readonly name: TargetKind
  /** Of a server that is tested with more than one configuration: what is special in this one. */
  readonly variant?: string
  /** It cannot be started by a normal user. */
  readonly needsRoot?: boolean
  /** What files of its own must be called, where the server does not name them itself. */
  readonly fileNames?: { readonly certificate: string; readonly key: string }
  /** Without which the test is skipped. */
  readonly programs: readonly string[]
  /** Whether its configuration names the files in `live/NAME`, or files of its own, which hold a self-signed pair at first. */
  readonly reads: 'live' | 'copies'
  /** Of these files, the ones that are written for it; certificate and key when absent. */
  readonly form?: 'combined'
  /** For the documentation: how the server tests its configuration, and how it is told to read its files again. */
  readonly facts: { readonly test: string; readonly reload: string }
  /** It takes up new files without being told, so no reload can be without effect. */
  readonly readsByItself?: boolean
  start(setup: Setup): Promise<RunningServer>
}
