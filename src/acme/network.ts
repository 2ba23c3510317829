/** Networks, and which addresses are public: what validation may connect to, and what a public CA can reach. */

import { AppError } from '../base/errors.ts'
import { ipAddressBytes, parseIpAddress } from './identifier.ts'

/** A block of addresses: the first octets of its first address, and how many bits of them count. */
export type Network = { readonly octets: Uint8Array; readonly bits: number }

/** This machine itself, for tests and demonstrations. */
export const loopbackNetworks: readonly string[] = ['127.0.0.0/8', '::1/128']

/** Networks inside an organisation (RFC 1918, RFC 4193). */
export const privateNetworks: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
]

/**
 * Special-purpose addresses by the IANA registries (RFC 6890 and its updates), multicast, and what lies outside of
 * global unicast. Ways to write an IPv4 address in IPv6 (mapped, NAT64, 6to4, Teredo) are among them: no public
 * service is reached by those, and what they lead to is not what was checked.
 */
const specialNetworks: readonly Network[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
].map(parseNetwork)

/** Outside of this no IPv6 address is global unicast (RFC 4291 §2.4): loopback, mapped, NAT64, local, multicast. */
const globalUnicast = parseNetwork('2000::/3')

/**
 * A network from text such as `10.0.0.0/8`.
 * @throws AppError ERR_FORMAT
 */
export function parseNetwork(text: string): Network {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const canonical = parseIpAddress(address)
  const octets = canonical === undefined ? undefined : ipAddressBytes(canonical)
  if (octets === undefined || Number(bits) > octets.length * 8)
    throw new AppError('ERR_FORMAT', `"${text}" is not a network`, {
      hint: 'write it like 10.0.0.0/8 or fd00::/8',
    })
  return { octets, bits: Number(bits) }
}

/** Whether validation may connect to an address: it is public, or in an allowed network. What is no address is neither. */
export function mayConnect(address: string, allowed: readonly Network[]): boolean {
  const canonical = parseIpAddress(address)
  if (canonical === undefined) return false
  const octets = ipAddressBytes(canonical)
  if (allowed.some(network => contains(network, octets))) return true
  if (specialNetworks.some(network => contains(network, octets))) return false
  return octets.length === 4 || contains(globalUnicast, octets)
}

function contains({ octets, bits }: Network, address: Uint8Array): boolean {
  if (octets.length !== address.length) return false
  return octets.every((octet, index) => {
    const counted = Math.min(Math.max(bits - index * 8, 0), 8)
    return (octet ^ (address[index] ?? 0)) >> (8 - counted) === 0
  })
}
