/** Addresses that servers listen on. Pure. */

/** Where a server is reached that listens on an address: itself, or loopback where it listens on all. */
export function reachable(address: string): string {
  const bare = address.replace(/^\[(.*)\]$/, '$1')
  if (bare === '' || bare === '*' || bare === '0.0.0.0') return '127.0.0.1'
  return bare === '::' ? '::1' : bare
}
