/** Settings with what they rest on. */
import type { HstsStep } from './hsts.ts'
import type { Library } from './library.ts'
import type { Profile } from './profiles.ts'
import type { Block } from './setting.ts'
import type { Version } from './version.ts'

/** What is asked for, and what is known of the machine it is for. */
export type HardeningOptions = {
  readonly profile: Profile
  /** Of the server; the oldest that is supported when it is not known. */
  readonly version?: Version | undefined
  /** That the server is linked with; the oldest that is supported when it is not known. */
  readonly library?: Library | undefined
  /** Of web servers only; no header when absent. */
  readonly hsts?: HstsStep | undefined
  /** Whether the certificate names an OCSP responder. */
  readonly staple?: boolean | undefined
  /** A file with a group of RFC 7919: DHE is offered, too. */
  readonly dhFile?: string | undefined
  /** Say for each line why it is there. */
  readonly explain?: boolean | undefined
  /** The command that the text says it was made by. */
  readonly madeBy?: string | undefined
  /** The text is put where it belongs, so it does not say how that is done. */
  readonly isInPlace?: boolean | undefined
}

/** What came of it. */
export type HardenedSettings = {
  readonly server: string
  readonly profile: Profile
  /** Version of Mozilla's guideline. */
  readonly guideline: string
  /** `undefined` where it was not known. */
  readonly version: string | undefined
  readonly library: string | undefined
  readonly blocks: readonly Block[]
  /** What was assumed, and what the profile has and this server cannot have. */
  readonly notes: readonly string[]
  /** How the server is made to use it. */
  readonly apply: string
  /** What a person must know before using it. */
  readonly warnings: readonly string[]
  /** The whole file. */
  readonly text: string
}
