/** A CA in memory that counts what it was asked for. */

import { resolveAuthority } from '../../src/manage/authorities.ts'
import type { Authority } from '../../src/manage/spec.ts'
import type { HttpExchange } from '../../src/runtime/http.ts'
import type { Resolver } from '../../src/runtime/resolver.ts'
import { createAcmeServer, createLocalIssuer } from '../../src/server/index.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { textReply } from '../../src/testing/fake-network.ts'

export type Ca = {
  readonly authority: Authority
  readonly http: HttpExchange
  /** Whether it takes orders that never lead to a certificate. */
  readonly neverIssues: boolean
  /** Certificates it has issued. */
  readonly issued: () => number
  /** URLs of the orders it has accepted, in order. */
  readonly orders: () => readonly string[]
  /** Accounts it has registered. */
  readonly accounts: () => number
  /** Revocations it has accepted. */
  readonly revocations: () => number
}

export type CaOptions = {
  /** Short; it is part of the URLs. */
  readonly name: string
  readonly clock: FakeClock
  readonly resolver: Resolver
  /** What it validates with. */
  readonly web: HttpExchange
  /** Its signer is broken. */
  readonly neverIssues?: boolean
}

// Making the keys of a CA takes longer than all the rest of a machine.
const issuer = await createLocalIssuer({}, { clock: fakeClock() })

/** How often the CA gives a certificate for the same names. */
export const certificatesPerSet = { capacity: 5, refillMs: 34 * 60 * 60 * 1000 }

/** A CA without certificates. */
export function createCa({ name, clock, resolver, web, neverIssues = false }: CaOptions): Ca {
  const baseUrl = `https://${name}.example`
  let issued = 0
  let accounts = 0
  let revocations = 0
  const orders: string[] = []
  const counting: typeof issuer.issue = (request, options) => {
    issued++
    return issuer.issue(request, options)
  }
  const server = createAcmeServer(
    {
      baseUrl,
      issuer: { ...issuer, issue: counting },
      validation: { allowedNetworks: ['127.0.0.0/8'] },
    },
    { clock, resolver, http: web },
  )
  const authority = resolveAuthority(server.directoryUrl) // as a configuration names it
  if ('problem' in authority) throw new TypeError(authority.problem)
  return {
    authority: {
      ...authority,
      limits: {
        'new-orders': { capacity: 300, refillMs: 36_000 },
        'certificates-per-set': certificatesPerSet,
      },
    },
    http: async (url, { method, headers = {}, body }) => {
      if (neverIssues && url.endsWith('/finalize')) return textReply(500, 'the signer is broken')
      const request = new Request(url, { method, headers, ...(body !== undefined && { body }) })
      const reply = await server.fetch(request)
      const resource = new URL(url).pathname
      if (reply.status === 201 && resource === '/new-order') orders.push(reply.headers.get('location') ?? '')
      if (reply.status === 201 && resource === '/new-account') accounts++
      if (reply.status === 200 && resource === '/revoke-cert') revocations++
      return {
        status: reply.status,
        headers: new Map([...reply.headers].map(([field, value]) => [field.toLowerCase(), value])),
        body: new Uint8Array(await reply.arrayBuffer()),
      }
    },
    neverIssues,
    issued: () => issued,
    orders: () => orders,
    accounts: () => accounts,
    revocations: () => revocations,
  }
}
