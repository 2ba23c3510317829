/** Looking, before anything is asked of a CA, at all that an issuance and its delivery need. */
import { mapConcurrently } from '../../base/concurrent.ts'
import type { AcmeClient } from '../../client/client.ts'
import type { Deployer } from '../../contracts/deployer.ts'
import type { Solver } from '../../contracts/solver.ts'
import type { DnsQuery } from '../../runtime/dns.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { isPublicAuthority } from '../authorities.ts'
import type { OnEvent } from '../events.ts'
import { observeCertificate } from '../observe/observe.ts'
import { solverChoiceFor } from '../solver-rules.ts'
import type { AccountSettings, Authority, CertificateSpec, DeployTarget, SolverChoice } from '../spec.ts'
import { type AuthorityCheck, checkAuthority, judgeProfile } from './check-authority.ts'
import { checkBudget } from './check-budget.ts'
import { checkCaa } from './check-caa.ts'
import { checkChallenges } from './check-challenges.ts'
import { checkMachine } from './check-machine.ts'
import { checkServers } from './check-servers.ts'
import { lookAtName, rememberAnswers } from './dns-view.ts'
import { type Finding, finding } from './finding.ts'
import { judgeDns } from './judge-dns.ts'

/** Names looked up at once. */
const nameConcurrency = 5

export type CheckOptions = {
  readonly state: string
  /** For authorities without settings of their own. */
  readonly account: AccountSettings
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly solverFor: (choice: SolverChoice) => Promise<Solver>
  readonly deployerFor: (target: DeployTarget) => Promise<Deployer>
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

export type CheckReport = {
  readonly machine: readonly Finding[]
  readonly authorities: readonly { readonly id: string; readonly findings: readonly Finding[] }[]
  readonly certificates: readonly { readonly name: string; readonly findings: readonly Finding[] }[]
}

/**
 * Looks at everything that the certificates need; each CA and each name is asked once.
 * @throws AppError ERR_ABORTED, ERR_STORE where the store cannot be read
 */
export async function checkCertificates(
  specs: readonly CertificateSpec[],
  options: CheckOptions,
  runtime: Runtime,
): Promise<CheckReport> {
  const machine = await checkMachine(options.state, runtime)
  const authorities = new Map<string, AuthorityCheck>()
  for (const authority of specs.flatMap(spec => [spec.authority, ...spec.fallbacks])) {
    if (!authorities.has(authority.id))
      authorities.set(authority.id, await checkOneAuthority(authority, options, runtime))
  }
  const dns = rememberAnswers(runtime.dns)
  const certificates = []
  for (const spec of specs) {
    const findings = await checkCertificate(spec, { ...options, authorities, dns }, runtime)
    certificates.push({ name: spec.name, findings })
  }
  return {
    machine,
    authorities: [...authorities].map(([id, { findings }]) => ({ id, findings })),
    certificates,
  }
}

async function checkOneAuthority(
  authority: Authority,
  { state, account, clientFor, signal }: CheckOptions,
  runtime: Runtime,
): Promise<AuthorityCheck> {
  if (authority.directory === 'embedded') {
    return { findings: [finding('ca', 'ok', 'the embedded CA is part of this program')] }
  }
  const settings = authority.account ?? account
  const client = () => clientFor(authority)
  return checkAuthority(state, { authority, settings, client, signal }, runtime)
}

type Gathered = CheckOptions & {
  readonly authorities: ReadonlyMap<string, AuthorityCheck>
  readonly dns: DnsQuery
}

async function checkCertificate(
  spec: CertificateSpec,
  options: Gathered,
  runtime: Runtime,
): Promise<readonly Finding[]> {
  const { state, deployerFor, signal } = options
  const view = await observeCertificate(state, spec.name, runtime)
  const profiles = [spec.authority, ...spec.fallbacks].flatMap(({ id }) => {
    const directory = options.authorities.get(id)?.directory
    return directory === undefined ? [] : judgeProfile(id, spec.profile, directory)
  })
  return [
    ...profiles,
    ...(await checkNames(spec, options)),
    ...(await checkEveryCaa(spec, options)),
    ...(await checkChallenges(state, { ...options, spec }, runtime)),
    await checkBudget(state, spec, view, { now: runtime.clock.now() }, runtime),
    ...(await checkServers(state, { spec, view, deployerFor, signal })),
  ]
}

/** Names whose addresses a CA will connect to. */
async function checkNames(
  spec: CertificateSpec,
  { solverFor, dns, signal }: Gathered,
): Promise<readonly Finding[]> {
  const findings = await mapConcurrently(spec.identifiers, nameConcurrency, async identifier => {
    const choice = solverChoiceFor(spec, identifier)
    const type = choice && (await solverFor(choice)).type
    if (identifier.type === 'ip' || type === undefined || type.startsWith('dns')) return []
    const view = await lookAtName(identifier.value, { dns, signal })
    return judgeDns(view, { isPublicAuthority: isPublicAuthority(spec.authority) })
  })
  return findings.flat()
}

async function checkEveryCaa(
  spec: CertificateSpec,
  { authorities, solverFor, dns, signal }: Gathered,
): Promise<readonly Finding[]> {
  const findings = await mapConcurrently(spec.identifiers, nameConcurrency, async identifier => {
    const choice = solverChoiceFor(spec, identifier)
    if (choice === undefined) return [] // said elsewhere
    const method = (await solverFor(choice)).type
    const found: Finding[] = []
    for (const { id } of [spec.authority, ...spec.fallbacks]) {
      const { directory, accountUrl } = authorities.get(id) ?? {}
      if (directory === undefined) continue // it did not answer, or it is the embedded one, which has no name
      const identities = directory.meta.caaIdentities
      found.push(await checkCaa(identifier, { authority: id, identities, accountUrl, method, dns, signal }))
    }
    return found
  })
  return findings.flat()
}
