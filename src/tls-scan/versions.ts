/** Versions of SSL and TLS, by their numbers on the wire. */

export const sslVersion3 = 0x0300
export const tlsVersion10 = 0x0301
export const tlsVersion11 = 0x0302
export const tlsVersion12 = 0x0303
export const tlsVersion13 = 0x0304

/** What is asked for, the oldest first; SSL 2 has messages of its own. */
export const protocolNames = ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
export type ProtocolName = (typeof protocolNames)[number]

/** The number of a protocol; for SSL 2 that of its own hello. */
export const versionNumbers: Readonly<Record<ProtocolName, number>> = {
  SSLv2: 0x0002,
  SSLv3: sslVersion3,
  'TLSv1.0': tlsVersion10,
  'TLSv1.1': tlsVersion11,
  'TLSv1.2': tlsVersion12,
  'TLSv1.3': tlsVersion13,
}
