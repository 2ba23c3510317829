/** Registered domains by the public suffix list. The only file that knows the package with the list. */
import { getDomain } from 'tldts'
import { type Identifier, ipAddressBytes, ipAddressText } from '../../acme/identifier.ts'

/** Octets of an IPv6 address that count together: a /64. */
const networkOctets = 8

/**
 * What certificates for these identifiers are counted under: the registered domain of a name, the address of an IPv4
 * host, the /64 of an IPv6 host. Private suffixes such as `github.io` count as suffixes, as they do at Let's Encrypt; a
 * name that is a suffix itself counts alone.
 */
export function registeredDomains(identifiers: readonly Identifier[]): readonly string[] {
  return [...new Set(identifiers.map(registeredDomain))]
}

function registeredDomain({ type, value }: Identifier): string {
  if (type === 'ip') return value.includes(':') ? ipv6Network(value) : value
  const name = value.replace(/^\*\./, '')
  // An identifier has been checked to be a plain host name.
  return (
    getDomain(name, { allowPrivateDomains: true, extractHostname: false, validateHostname: false }) ?? name
  )
}

function ipv6Network(address: string): string {
  const network = ipAddressBytes(address).fill(0, networkOctets)
  return `${ipAddressText(network) ?? address}/64`
}
