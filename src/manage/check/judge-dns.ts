/** What the addresses of a name mean for http-01. Pure. */
import { mayConnect } from '../../acme/network.ts'
import type { DnsView, ServerAnswer } from './dns-view.ts'
import { type Finding, finding } from './finding.ts'

/** Every problem of a name, or that there is none. */
export function judgeDns(
  view: DnsView,
  { isPublicAuthority }: { readonly isPublicAuthority: boolean },
): readonly Finding[] {
  const { name, resolved, servers, zone, notAsked } = view
  const answers = servers.filter(server => 'addresses' in server)
  const silent = servers.filter(server => 'failure' in server)
  const here = 'addresses' in resolved ? resolved.addresses : []
  const addresses = answers.length === 0 ? here : union(answers)
  if (addresses.length === 0) return [noAddress(view)]
  const isAlias = view.alias === undefined ? '' : ` by way of ${view.alias}`
  const problems = [
    ...differences(name, answers),
    ...cacheProblems(view, { here, addresses, differ: !agree(answers) }),
    ...(isPublicAuthority ? privateAddresses(name, addresses) : []),
    ...silent.map(({ server, failure }) =>
      finding(
        'dns',
        'warning',
        `${name}: ${server}, in charge of ${zone}, does not answer: ${failure}`,
        `mend it, or take it out of the NS records of ${zone}: the CA may ask any of them`,
      ),
    ),
  ]
  if (problems.length > 0) return problems
  const at =
    answers.length > 0
      ? `, the same at ${answers.map(({ server }) => server).join(', ')}`
      : `; the servers in charge were not asked: ${notAsked ?? 'none was found'}`
  return [finding('dns', 'ok', `${name}${isAlias}: ${addresses.join(', ')}${at}`)]
}

type Answer = Extract<ServerAnswer, { readonly addresses: readonly string[] }>

function union(answers: readonly Answer[]): readonly string[] {
  return [...new Set(answers.flatMap(({ addresses }) => addresses))].sort()
}

function agree(answers: readonly Answer[]): boolean {
  return new Set(answers.map(({ addresses }) => addresses.join())).size < 2
}

function noAddress({ name, resolved }: DnsView): Finding {
  if ('failure' in resolved) return finding('dns', 'failed', `${name}: ${resolved.failure}`)
  return finding(
    'dns',
    'failed',
    `${name} has no address in DNS`,
    `add an A or AAAA record for ${name} that leads to this machine, and wait until it is public`,
  )
}

function differences(name: string, answers: readonly Answer[]): readonly Finding[] {
  if (agree(answers)) return []
  const said = answers.map(({ server, addresses }) => `${server}: ${addresses.join(', ') || 'none'}`)
  return [
    finding(
      'dns',
      'warning',
      `${name} has other addresses at other servers: ${said.join('; ')}`,
      'wait until all of them have the same zone; the CA may ask any of them',
    ),
  ]
}

function cacheProblems(
  { name, resolved }: DnsView,
  {
    here,
    addresses,
    differ,
  }: { readonly here: readonly string[]; readonly addresses: readonly string[]; readonly differ: boolean },
): readonly Finding[] {
  if (differ || here.join() === addresses.join()) return []
  const said = 'failure' in resolved ? resolved.failure : here.join(', ') || 'no address'
  return [
    finding(
      'dns',
      'warning',
      `${name} is ${addresses.join(', ')} at the servers in charge, but not through the resolver here: ${said}`,
      'after a change, caches keep the old answer until its time is over; the CA has caches too',
    ),
  ]
}

function privateAddresses(name: string, addresses: readonly string[]): readonly Finding[] {
  const unreachable = addresses.filter(address => !mayConnect(address, []))
  if (unreachable.length === 0) return []
  return [
    finding(
      'dns',
      'warning',
      `${name} leads to ${unreachable.join(', ')}, which is not public: the CA cannot look there`,
      'publish the address at which the world reaches this machine, or prove control by dns-01',
    ),
  ]
}
