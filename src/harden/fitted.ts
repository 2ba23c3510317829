/** A profile, fitted to what server and library understand. */
import { AppError } from '../base/errors.ts'
import { formatLibrary, knowsGroup, type Library, securityLevelFor, speaksTls13 } from './library.ts'
import { dheCiphers, type Profile, type Protocol, profileValues } from './profiles.ts'

/** What is to be written in the server's own words. */
export type FittedTls = {
  readonly protocols: readonly Protocol[]
  /** The first of `protocols`. */
  readonly lowest: Protocol
  /** Up to TLS 1.2, without the keyword for the security level; empty where only TLS 1.3 is spoken. */
  readonly ciphers: readonly string[]
  /** As OpenSSL takes it, the keyword for the security level included; `undefined` where only TLS 1.3 is spoken. */
  readonly cipherList: string | undefined
  /** Of TLS 1.3; empty without it. */
  readonly suites: readonly string[]
  readonly groups: readonly string[]
  readonly serverOrder: boolean
  /** What the profile has and this server cannot have, one sentence each. */
  readonly missing: readonly string[]
}

export type FitOptions = {
  readonly library: Library
  /** False where the server cannot have TLS 1.3, whatever its library can. */
  readonly serverSpeaksTls13: boolean
  /** Finite-field Diffie-Hellman, too. */
  readonly dhe: boolean
}

/**
 * Leaves out what is not understood.
 * @throws AppError ERR_UNSUPPORTED when nothing of the profile is left
 */
export function fitProfile(profile: Profile, { library, serverSpeaksTls13, dhe }: FitOptions): FittedTls {
  const values = profileValues[profile]
  const tls13 = serverSpeaksTls13 && speaksTls13(library)
  const protocols = values.protocols.filter(protocol => tls13 || protocol !== 'TLSv1.3')
  const [lowest] = protocols
  const who = speaksTls13(library) ? 'this version of the server' : formatLibrary(library)
  if (lowest === undefined) {
    throw new AppError('ERR_UNSUPPORTED', `profile ${profile} needs TLS 1.3, which ${who} does not speak`, {
      hint: 'take --profile intermediate, or update the server',
    })
  }
  const ciphers = [...values.ciphers, ...(dhe && values.ciphers.length > 0 ? dheCiphers : [])]
  const level = profile === 'old' ? securityLevelFor(library) : undefined
  const unknownGroups = values.groups.filter(group => !knowsGroup(library, group))
  return {
    protocols,
    lowest,
    ciphers,
    cipherList:
      ciphers.length === 0 ? undefined : [...(level === undefined ? [] : [level]), ...ciphers].join(':'),
    suites: tls13 ? values.suites : [],
    groups: values.groups.filter(group => knowsGroup(library, group)),
    serverOrder: values.serverOrder,
    missing: [
      ...(tls13 ? [] : [`TLS 1.3: ${who} does not speak it.`]),
      ...unknownGroups.map(group => missingGroup(group, library)),
    ],
  }
}

function missingGroup(group: string, library: Library): string {
  const here = formatLibrary(library)
  if (group !== 'X25519MLKEM768') return `${group}: ${here} does not know it.`
  return library.kind === 'openssl'
    ? `X25519MLKEM768, the key exchange that withstands quantum computers: it needs OpenSSL 3.5, and here is ${here}.`
    : `X25519MLKEM768, the key exchange that withstands quantum computers: not every ${here} is built with it.`
}
