/** From checked configuration files to the desired state. Pure. */
import {
  type Identifier,
  identifierKey,
  isWildcard,
  parseIdentifier,
  sameIdentifiers,
} from '../../acme/identifier.ts'
import { maxOrderIdentifiers } from '../../acme/order.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { Json } from '../../contracts/solver.ts'
import { defaultAuthorityName, isKnownAuthority, resolveAuthority } from '../authorities.ts'
import type { CertificateRequest } from '../certificate-request.ts'
import { type LimitOverrides, parseLimit } from '../limits/limit.ts'
import { makePair, pairedKeyTypes } from '../pair.ts'
import { solverChoiceFor } from '../solver-rules.ts'
import type {
  AccountSettings,
  Authority,
  CertificateSpec,
  Config,
  DaemonSettings,
  RenewSettings,
  SolverChoice,
  SolverRule,
} from '../spec.ts'
import { parseSpecName, type SpecName } from '../spec.ts'
import type { ConfigDocument } from './document.ts'
import { readEndpoints } from './endpoints.ts'
import { readHooks } from './hooks.ts'
import type { ConfigIssue } from './issue.ts'
import { parseListenAddress } from './listen-address.ts'
import { readNotifiers } from './notifiers.ts'
import { parseRenewAt, parseWindow } from './renew.ts'
import type { NamedRequest } from './requests.ts'
import type { AuthorityEntry, CertificateEntry, ConfigFile, SolverEntry } from './schema.ts'
import { checkTargets, readTarget } from './targets.ts'

/** Longest list of names in a message. */
const maxListLength = 200

/** Keys that concern everything, and so stand in one place. */
const mainOnly = [
  'authority',
  'authorities',
  'account',
  'time-zone',
  'resolvers',
  'defaults',
  'notify',
  'heartbeat',
  'daemon',
  'endpoints',
] as const

/** A parsed file: the main one first, then the drop-ins in name order. */
export type NamedDocument = { readonly file: string; readonly document: ConfigDocument<ConfigFile> }

/** What the command line overrides. */
export type ConfigOverrides = {
  /** A name, also one of `authorities:`, or a directory URL. */
  readonly authority?: { readonly name: string; readonly trustFile?: string } | undefined
}

type Report = (path: readonly (string | number)[], text: string, hint?: string) => void

/**
 * Brings the files together. All issues are collected; a configuration is returned only when there are none.
 * @param requests - what `csr` of the entries leads to, by path
 * @throws AppError ERR_USAGE when the overriding authority is not known
 */
export function readConfig(
  documents: readonly NamedDocument[],
  { authority: override }: ConfigOverrides = {},
  requests: ReadonlyMap<string, NamedRequest> = new Map(),
): { readonly config: Config } | { readonly issues: readonly ConfigIssue[] } {
  const issues: ConfigIssue[] = []
  const main = documents[0]
  const top = main?.document.value ?? {}
  const reportIn =
    ({ file, document }: NamedDocument): Report =>
    (path, text, hint) =>
      issues.push({ file, line: document.lineOf(path), key: path.join('.'), text, hint })

  for (const dropIn of documents.slice(1)) {
    for (const key of mainOnly) {
      if (dropIn.document.value[key] === undefined) continue
      reportIn(dropIn)([key], 'is not allowed in a drop-in', `move it to the main configuration file`)
    }
  }
  const report: Report = main === undefined ? () => {} : reportIn(main)
  const named = readNamedAuthorities(top, report)
  const chosen =
    override === undefined
      ? readAuthorities(top.authority ?? defaultAuthorityName, ['authority'], named, report)
      : [overridingAuthority(override, named)]
  const [authority] = chosen
  const solvers = readSolvers(top.defaults?.solvers, ['defaults', 'solvers'], report)
  const certificates = new Map<string, CertificateSpec>()
  const writers = new Map<string, SpecName>()
  for (const document of documents) {
    for (const [name, entry] of Object.entries(document.document.value.certificates ?? {})) {
      const path = ['certificates', name]
      const earlier = certificates.get(name)
      if (earlier !== undefined)
        reportIn(document)(path, `is defined in ${earlier.source} already`, 'choose another name')
      const specs = readSpecs(name, entry ?? {}, {
        file: document.file,
        defaults: top.defaults ?? {},
        solvers,
        requests,
        authorities: chosen,
        named,
        overridden: override !== undefined,
        report: reportIn(document),
      })
      for (const spec of specs) {
        const other = certificates.get(spec.name)
        if (other !== undefined && spec.name !== name) {
          const text = `its RSA certificate has the name ${spec.name}, which is defined in ${other.source}`
          reportIn(document)(path, text, 'choose another name')
        }
        checkTargets(spec, writers, [...path, 'deploy'], reportIn(document))
        certificates.set(spec.name, spec)
      }
    }
  }
  const endpoints = readEndpoints(top.endpoints ?? [], {
    names: new Set(certificates.keys()),
    source: main?.file ?? '',
    report,
  })
  if (issues.length > 0 || authority === undefined) return { issues }
  return {
    config: {
      authority,
      authorities: [...named.values()],
      account: readAccount(top.account),
      resolvers: top.resolvers ?? [],
      ...(top['time-zone'] !== undefined && { timeZone: top['time-zone'] }),
      notify: readNotifiers(top.notify ?? []),
      ...(top.heartbeat !== undefined && { heartbeat: top.heartbeat }),
      daemon: readDaemon(top.daemon),
      endpoints,
      certificates: [...certificates.values()],
      files: documents.map(({ file }) => file),
    },
  }
}

/** Those of `authorities:`, by the name they are given there. */
function readNamedAuthorities(
  { authorities = {}, account }: ConfigFile,
  report: Report,
): ReadonlyMap<string, Authority> {
  const found = new Map<string, Authority>()
  for (const [name, entry] of Object.entries(authorities)) {
    const path = ['authorities', name]
    if (!/^[a-z0-9][a-z0-9.-]{0,99}$/.test(name)) {
      report(path, 'cannot be the name of a CA', 'use lower-case letters, digits, dots and hyphens')
      continue
    }
    if (entry.directory !== undefined && isKnownAuthority(name)) {
      report([...path, 'directory'], `${name} has a directory of its own`, 'choose another name')
      continue
    }
    const authority = resolveAuthority(entry.directory ?? name, {
      trustFile: entry.trust,
      rootsFile: entry.roots,
    })
    if ('problem' in authority) {
      const hint = entry.directory === undefined ? 'give its directory: URL' : authority.hint
      report(path, authority.problem, hint)
    } else {
      const own = entry.account && readAccount({ ...account, ...entry.account })
      const limits = entry.limits && readLimits(entry.limits)
      found.set(name, { ...authority, id: name, ...(own && { account: own }), ...(limits && { limits }) })
    }
  }
  return found
}

function overridingAuthority(
  { name, trustFile }: NonNullable<ConfigOverrides['authority']>,
  named: ReadonlyMap<string, Authority>,
): Authority {
  const known = named.get(name)
  if (known !== undefined) return { ...known, ...(trustFile !== undefined && { trustFile }) }
  const authority = resolveAuthority(name, { trustFile }, [...named.keys()])
  if (!('problem' in authority)) return authority
  throw new AppError('ERR_USAGE', `--authority: ${authority.problem}`, { hint: authority.hint })
}

function readLimits(entry: Readonly<Record<string, string | undefined>>): LimitOverrides {
  const sizes = Object.entries(entry).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, parseLimit(text)] as const],
  )
  return Object.fromEntries(sizes) // the schema admits only names of limits
}

/** One authority or several; only those that are good. */
function readAuthorities(
  entry: AuthorityEntry,
  path: readonly string[],
  named: ReadonlyMap<string, Authority>,
  report: Report,
): readonly Authority[] {
  const found: Authority[] = []
  const entries = Array.isArray(entry) ? entry : [entry]
  entries.forEach((one, index) => {
    const here = Array.isArray(entry) ? [...path, index] : path
    const { directory, trust, roots } =
      typeof one === 'string' ? { directory: one, trust: undefined, roots: undefined } : one
    const authority =
      named.get(directory) ??
      resolveAuthority(directory, { trustFile: trust, rootsFile: roots }, [...named.keys()])
    if ('problem' in authority) report(here, authority.problem, authority.hint)
    else if (found.some(({ id }) => id === authority.id)) report(here, `${authority.id} is named twice`)
    else found.push(authority)
  })
  return found
}

function readAccount(entry: ConfigFile['account']): AccountSettings {
  const binding = entry?.['external-account']
  return {
    ...(entry?.email !== undefined && { email: entry.email }),
    agreeToTerms: entry?.['agree-to-terms'] ?? false,
    keyAlgorithm: entry?.key ?? 'ES256',
    ...(binding !== undefined && {
      externalAccount: {
        keyId: binding['key-id'],
        hmacKey: binding['hmac-key'],
        algorithm: binding.algorithm ?? 'HS256',
      },
    }),
  }
}

function readDaemon(entry: ConfigFile['daemon'] = {}): DaemonSettings {
  const { metrics, 'metrics-file': metricsFile } = entry
  const address = metrics === undefined ? undefined : parseListenAddress(metrics)
  return { ...(address && { metrics: address }), ...(metricsFile !== undefined && { metricsFile }) }
}

type SpecContext = {
  readonly file: string
  readonly defaults: Omit<CertificateEntry, 'identifiers' | 'authority'>
  /** Of the defaults. */
  readonly solvers: readonly SolverRule[]
  readonly requests: ReadonlyMap<string, NamedRequest>
  /** What a certificate gets that names none. */
  readonly authorities: readonly Authority[]
  readonly named: ReadonlyMap<string, Authority>
  /** The command line names the authority, whatever the entry says. */
  readonly overridden: boolean
  readonly report: Report
}

/** The spec of an entry, or two for two kinds of key; none where it has mistakes. */
function readSpecs(name: string, entry: CertificateEntry, context: SpecContext): readonly CertificateSpec[] {
  const spec = readSpec(name, entry, context)
  if (spec === undefined) return []
  const keyTypes = pairedKeyTypes([entry.key ?? context.defaults.key ?? []].flat())
  if (keyTypes === undefined || spec.csr !== undefined) return [spec]
  const pair = makePair(spec, keyTypes)
  if (pair === undefined) context.report(['certificates', name], 'is too long for a name with -rsa after it')
  return pair ?? []
}

function readSpec(name: string, entry: CertificateEntry, context: SpecContext): CertificateSpec | undefined {
  const { defaults, named, report } = context
  const path = ['certificates', name]
  const specName = parseSpecName(name)
  if (specName === undefined) {
    report(
      path,
      'cannot be used as a name',
      'use lower-case letters, digits, dots, hyphens and underscores, and give identifiers',
    )
    return undefined
  }
  const request = entry.csr === undefined ? undefined : readRequest(entry.csr, entry, { ...context, path })
  const texts = entry.identifiers ?? (entry.csr === undefined ? [name] : undefined)
  const identifiers =
    texts === undefined
      ? (request?.identifiers ?? [])
      : readIdentifiers(texts, [...path, 'identifiers'], report)
  if (request !== undefined && !sameIdentifiers(request.identifiers, identifiers))
    report(
      [...path, 'identifiers'],
      `the CSR is for ${listOf(request)}`,
      'leave identifiers out, or make another CSR',
    )
  const solvers =
    entry.solvers === undefined ? context.solvers : readSolvers(entry.solvers, [...path, 'solvers'], report)
  requireProvable(identifiers, solvers, [...path, 'identifiers'], report)
  const own =
    entry.authority === undefined
      ? undefined
      : readAuthorities(entry.authority, [...path, 'authority'], named, report)
  const [authority, ...fallbacks] = context.overridden ? context.authorities : (own ?? context.authorities)
  const profile = entry.profile ?? defaults.profile
  const hooks = readHooks(entry.hooks ?? defaults.hooks)
  const preferredChain = entry['preferred-chain'] ?? defaults['preferred-chain']
  const mustStaple = request === undefined && (entry['must-staple'] ?? defaults['must-staple'] ?? false)
  if (authority === undefined || identifiers.length === 0) return undefined
  if (entry.csr !== undefined && request === undefined) return undefined
  return {
    name: specName,
    identifiers,
    keyType: request?.keyType ?? [entry.key ?? defaults.key ?? []].flat()[0] ?? 'ecdsa-p256',
    reuseKey: request === undefined && (entry['reuse-key'] ?? defaults['reuse-key'] ?? false),
    ...(request !== undefined && {
      csr: { der: request.der, publicKeyHash: request.publicKeyHash, file: entry.csr ?? '' },
    }),
    authority,
    fallbacks,
    ...(profile !== undefined && { profile }),
    ...(preferredChain !== undefined && { preferredChain }),
    ...(mustStaple && { mustStaple }),
    solvers,
    deploy: (entry.deploy ?? defaults.deploy ?? []).map(readTarget),
    ...(hooks && { hooks }),
    renew: readRenew({ ...defaults.renew, ...entry.renew }),
    source: context.file,
  }
}

/** The request of an entry. What only a key of our own can have is refused beside it. */
function readRequest(
  file: string,
  entry: CertificateEntry,
  { requests, path, report }: SpecContext & { readonly path: readonly string[] },
): CertificateRequest | undefined {
  for (const key of ['key', 'reuse-key', 'must-staple'] as const) {
    const what = key === 'must-staple' ? 'what is asked for stands' : 'the key is the one'
    if (entry[key] !== undefined)
      report([...path, key], `has no meaning beside csr: ${what} in the CSR`, 'take it out')
  }
  const request = requests.get(file)
  if (request !== undefined && !('problem' in request)) return request
  report([...path, 'csr'], request?.problem ?? `there is no file ${file}`, request?.hint)
  return undefined
}

function listOf({ identifiers }: CertificateRequest): string {
  return printable(identifiers.map(({ value }) => value).join(', '), maxListLength)
}

function readIdentifiers(
  texts: readonly string[],
  path: readonly string[],
  report: Report,
): readonly Identifier[] {
  if (texts.length > maxOrderIdentifiers) {
    report(
      path,
      `${texts.length} identifiers, and no public CA puts more than ${maxOrderIdentifiers} into one certificate`,
      'split them over several certificates',
    )
  }
  return parseIdentifiers(texts, path, report)
}

/** Those that are good; every complaint at its place. */
function parseIdentifiers(
  texts: readonly string[],
  path: readonly (string | number)[],
  report: Report,
): readonly Identifier[] {
  const found = new Map<string, Identifier>()
  texts.forEach((text, index) => {
    try {
      const identifier = parseIdentifier(text)
      if (found.has(identifierKey(identifier))) report([...path, index], `${identifier.value} is named twice`)
      found.set(identifierKey(identifier), identifier)
    } catch (error) {
      report([...path, index], messageOf(error), isAppError(error) ? error.hint : undefined)
    }
  })
  return [...found.values()]
}

function readRenew({ at, windows = [] }: NonNullable<CertificateEntry['renew']>): RenewSettings {
  return { ...(at !== undefined && { at: parseRenewAt(at) }), windows: windows.map(parseWindow) }
}

/** Each identifier needs a solver that can prove it. Where there is none at all, that is said when one is needed. */
function requireProvable(
  identifiers: readonly Identifier[],
  solvers: readonly SolverRule[],
  path: readonly string[],
  report: Report,
): void {
  if (solvers.length === 0) return
  for (const identifier of identifiers) {
    const choice = solverChoiceFor({ solvers }, identifier)
    if (choice === undefined)
      report(path, `no rule of solvers is for ${identifier.value}`, 'end with a rule that has no "for"')
    else if (isWildcard(identifier)) {
      report(
        path,
        `${identifier.value} is a wildcard, which http-01 cannot prove`,
        'only dns-01 can; name the hosts one by one',
      )
    }
  }
}

function readSolvers(
  entry: CertificateEntry['solvers'],
  path: readonly string[],
  report: Report,
): readonly SolverRule[] {
  if (entry === undefined) return []
  if (!Array.isArray(entry)) return [readSolver(entry)]
  return entry.map((rule, index) => {
    const here = [...path, index]
    if (index > 0 && entry[index - 1]?.for === undefined)
      report(here, 'is never used: the rule before it is for everything', 'give that one a "for"')
    if (rule.for === undefined) return readSolver(rule)
    return { ...readSolver(rule), for: parseIdentifiers(rule.for, [...here, 'for'], report) }
  })
}

function readSolver({ 'http-01': http01 }: SolverEntry): SolverChoice {
  const common = {
    selfCheck: http01['self-check'] ?? true,
    ...(http01.port !== undefined && { httpPort: http01.port }),
  }
  if (http01.webroot !== undefined)
    return { name: 'http-01-webroot', options: { webroot: http01.webroot, ...common } }
  const { port, addresses } = typeof http01.standalone === 'object' ? http01.standalone : {}
  const listen: Record<string, Json> = {
    ...(port !== undefined && { port }),
    ...(addresses !== undefined && { hosts: addresses }),
  }
  return { name: 'http-01-standalone', options: { ...listen, ...common } }
}
