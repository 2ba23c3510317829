/** What a server is to this part of the program: how its version is found, and its settings. */
import type { FittedTls } from './fitted.ts'
import type { HstsStep } from './hsts.ts'
import type { Library } from './library.ts'
import type { Profile } from './profiles.ts'
import type { Reasons } from './reasons.ts'
import type { Block } from './setting.ts'
import type { Version } from './version.ts'

/** Everything that decides what is written. */
export type Wanted = {
  readonly profile: Profile
  readonly version: Version
  readonly library: Library
  readonly tls: FittedTls
  readonly reasons: Reasons
  /** Of web servers only. */
  readonly hsts: HstsStep | undefined
  /** The certificate names an OCSP responder. */
  readonly staple: boolean
  /** A file with a Diffie-Hellman group of RFC 7919, where DHE is offered. */
  readonly dhFile: string | undefined
}

/** How to ask a server which version it is and which library it runs with. */
export type VersionQuestion = {
  /** Names of the program, the first that is there is asked. */
  readonly programs: readonly string[]
  readonly args?: readonly string[]
  /** Its first group is the version. */
  readonly version?: RegExp
  /** The same in the program file, where it does not say it. */
  readonly inside?: RegExp
  /** In the same output; the first group is the version of OpenSSL. The last match counts. */
  readonly openssl?: RegExp
  /** Patterns of files that are linked with the library, `*` for one name; the program itself when absent. */
  readonly linked?: readonly string[]
}

/** A server whose TLS settings can be written. */
export type HardenedServer = {
  readonly name: string
  /** `Apache httpd`. */
  readonly title: string
  /** Where the text is usually saved: a file that the server includes. */
  readonly file: string
  /** The file is the server's main configuration, to which the text is added: there is no usual place of its own. */
  readonly added?: true
  /** How to have the configuration tested and read again. */
  readonly apply: string
  /** What is written for where nothing is known about the machine: as of Ubuntu 22.04 and Red Hat Enterprise Linux 8. */
  readonly oldest: { readonly version: Version; readonly library: Library }
  /** From here on, what is written for the oldest is refused. */
  readonly changedIn?: string
  /** The version that learned TLS 1.3; not given where every one has it that is still to be found. */
  readonly tls13Since?: string
  /** The version that can be told to speak TLS 1.3 and nothing else; not given where every one can. */
  readonly onlyTls13Since?: string
  readonly question: VersionQuestion
  /** Whether it speaks HTTP, so that HSTS makes sense. */
  readonly web?: true
  /** Whether it can be given a group for DHE. */
  readonly dhe?: true
  /** What a line of comment begins with. */
  readonly comment: string
  readonly blocks: (wanted: Wanted) => readonly Block[]
}
