/**
 * What the guideline asks for, as a table of values.
 *
 * Source: Mozilla Server Side TLS, the machine-readable guidelines 6.0 (2026-04-06) and, for `old`, 5.8, the last that
 * had it. Only the values were taken, in the order of the guideline; names are those of OpenSSL.
 */

/** The profiles, the strictest first. */
export const profiles = ['modern', 'intermediate', 'old'] as const
export type Profile = (typeof profiles)[number]

export type Protocol = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

export type ProfileValues = {
  /** Version of the guideline. */
  readonly guideline: string
  readonly protocols: readonly Protocol[]
  /** Up to TLS 1.2, best first. */
  readonly ciphers: readonly string[]
  /** Of TLS 1.3. */
  readonly suites: readonly string[]
  /** For the key exchange, preferred first. */
  readonly groups: readonly string[]
  /** Whether the server's order of ciphers counts, not the client's. */
  readonly serverOrder: boolean
  /** The oldest that can still connect. */
  readonly oldestClients: string
}

const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
const groups = ['X25519MLKEM768', 'X25519', 'prime256v1', 'secp384r1']
const forwardSecret = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/** The values of each profile. */
export const profileValues: Readonly<Record<Profile, ProfileValues>> = {
  modern: {
    guideline: '6.0',
    protocols: ['TLSv1.3'],
    ciphers: [],
    ...{ suites, groups, serverOrder: false },
    oldestClients: 'Firefox 63, Chrome 70, Edge 75, Safari 12.1, Android 10, Java 11, OpenSSL 1.1.1 (2018)',
  },
  intermediate: {
    guideline: '6.0',
    protocols: ['TLSv1.2', 'TLSv1.3'],
    ciphers: forwardSecret,
    ...{ suites, groups, serverOrder: false },
    oldestClients:
      'Firefox 31, Chrome 49, Edge 15 and Internet Explorer 11 on Windows 10, Safari 9, Android 4.4, Java 8u161, OpenSSL 1.0.1',
  },
  old: {
    guideline: '5.8',
    protocols: ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'],
    ciphers: [
      ...forwardSecret,
      'ECDHE-ECDSA-AES128-SHA256',
      'ECDHE-RSA-AES128-SHA256',
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-RSA-AES128-SHA',
      'ECDHE-ECDSA-AES256-SHA384',
      'ECDHE-RSA-AES256-SHA384',
      'ECDHE-ECDSA-AES256-SHA',
      'ECDHE-RSA-AES256-SHA',
      'AES128-GCM-SHA256',
      'AES256-GCM-SHA384',
      'AES128-SHA256',
      'AES256-SHA256',
      'AES128-SHA',
      'AES256-SHA',
      'DES-CBC3-SHA',
    ],
    ...{ suites, groups, serverOrder: true },
    oldestClients: 'Internet Explorer 8 on Windows XP, Java 6, OpenSSL 0.9.8, Android 2.3 (2009)',
  },
}

/** What DHE adds, with a group of RFC 7919: what guideline 5.7 still had in `intermediate`. */
export const dheCiphers: readonly string[] = [
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
]
