/** The TLS library that a server is linked with, and what it understands. */
import { atLeast, formatVersion, type Version } from './version.ts'

/** `go` is the TLS of Go, which every server brings along; its version is not looked at. */
export type Library = { readonly kind: 'openssl' | 'gnutls' | 'go'; readonly version: Version }

/** `OpenSSL 3.0.19`. */
export function formatLibrary({ kind, version }: Library): string {
  if (kind === 'go') return 'the TLS of Go'
  return `${kind === 'openssl' ? 'OpenSSL' : 'GnuTLS'} ${formatVersion(version)}`
}

/** Whether it can do TLS 1.3 (RFC 8446). */
export function speaksTls13({ kind, version }: Library): boolean {
  return kind === 'go' || atLeast(version, kind === 'openssl' ? '1.1.1' : '3.6.5')
}

/**
 * Whether it knows the group by its name; a server refuses to start with one that its library does not know.
 *
 * GnuTLS has X25519MLKEM768 only where it was built with a further library, which its version does not tell.
 */
export function knowsGroup({ kind, version }: Library, group: string): boolean {
  if (kind === 'go') return true
  if (group === 'X25519MLKEM768') return kind === 'openssl' && atLeast(version, '3.5')
  if (group === 'X25519') return atLeast(version, kind === 'openssl' ? '1.1.0' : '3.6')
  return true
}

/**
 * The keyword that lets the library use what its security level forbids: TLS before 1.2 signs with SHA-1.
 *
 * OpenSSL 3 has it at level 0 only; Debian and Ubuntu raise the level of 1.1 to 2. Nothing for GnuTLS and older ones.
 */
export function securityLevelFor({ kind, version }: Library): string | undefined {
  if (kind !== 'openssl' || !atLeast(version, '1.1.0')) return undefined
  return atLeast(version, '3.0') ? '@SECLEVEL=0' : '@SECLEVEL=1'
}
