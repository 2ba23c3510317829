/** What is simulated: certificates by number, and the registered domains that they count under. */

/** Each certificate is for one set of names of its own. */
export type Fleet = {
  readonly size: number
  readonly domainCount: number
  /** Numbers below `domainCount`. */
  readonly domainsOf: (certificate: number) => readonly number[]
}

/** Certificates of one domain each, so many of them under every domain. */
export function uniformFleet(size: number, perDomain: number): Fleet {
  return {
    size,
    domainCount: Math.ceil(size / perDomain),
    domainsOf: certificate => [Math.floor(certificate / perDomain)],
  }
}

/** Certificates with the domains that they really have. */
export function namedFleet(certificates: readonly { readonly domains: readonly string[] }[]): Fleet {
  const names = [...new Set(certificates.flatMap(({ domains }) => domains))]
  const numbers = new Map(names.map((name, number) => [name, number]))
  const domains = certificates.map(each => each.domains.flatMap(name => numbers.get(name) ?? []))
  return {
    size: domains.length,
    domainCount: names.length,
    domainsOf: certificate => domains[certificate] ?? [],
  }
}
