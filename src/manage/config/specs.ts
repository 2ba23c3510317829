/** From checked configuration files to the desired state. Pure. */
import { type Identifier, identifierKey, isWildcard, parseIdentifier } from '../../acme/identifier.ts'
import { maxOrderIdentifiers } from '../../acme/order.ts'
import { isAppError, messageOf } from '../../base/errors.ts'
import type { Json } from '../../contracts/solver.ts'
import { defaultAuthorityName, resolveAuthority } from '../authorities.ts'
import type {
  AccountSettings,
  Authority,
  CertificateSpec,
  Config,
  DeployTarget,
  SolverChoice,
} from '../spec.ts'
import { parseSpecName } from '../spec.ts'
import type { ConfigDocument } from './document.ts'
import type { ConfigIssue } from './issue.ts'
import type { AuthorityEntry, CertificateEntry, ConfigFile } from './schema.ts'

/** A parsed file: the main one first, then the drop-ins in name order. */
export type NamedDocument = { readonly file: string; readonly document: ConfigDocument<ConfigFile> }

/** What the command line overrides. */
export type ConfigOverrides = { readonly authority?: Authority | undefined }

type Report = (path: readonly (string | number)[], text: string, hint?: string) => void

/** Brings the files together. All issues are collected; a configuration is returned only when there are none. */
export function readConfig(
  documents: readonly NamedDocument[],
  { authority: override }: ConfigOverrides = {},
): { readonly config: Config } | { readonly issues: readonly ConfigIssue[] } {
  const issues: ConfigIssue[] = []
  const main = documents[0]
  const top = main?.document.value ?? {}
  const reportIn =
    ({ file, document }: NamedDocument): Report =>
    (path, text, hint) =>
      issues.push({ file, line: document.lineOf(path), key: path.join('.'), text, hint })

  for (const dropIn of documents.slice(1)) {
    for (const key of ['authority', 'account', 'resolvers', 'defaults'] as const) {
      if (dropIn.document.value[key] === undefined) continue
      reportIn(dropIn)([key], 'is not allowed in a drop-in', `move it to the main configuration file`)
    }
  }
  const report: Report = main === undefined ? () => {} : reportIn(main)
  const authority = override ?? readAuthority(top.authority ?? defaultAuthorityName, ['authority'], report)
  const certificates = new Map<string, CertificateSpec>()
  for (const named of documents) {
    for (const [name, entry] of Object.entries(named.document.value.certificates ?? {})) {
      const path = ['certificates', name]
      const earlier = certificates.get(name)
      if (earlier !== undefined)
        reportIn(named)(path, `is defined in ${earlier.source} already`, 'choose another name')
      const spec = readSpec(name, entry ?? {}, {
        named,
        defaults: top.defaults ?? {},
        authority,
        override,
        report: reportIn(named),
      })
      if (spec !== undefined) certificates.set(name, spec)
    }
  }
  if (issues.length > 0 || authority === undefined) return { issues }
  return {
    config: {
      authority,
      account: readAccount(top.account),
      resolvers: top.resolvers ?? [],
      certificates: [...certificates.values()],
      files: documents.map(({ file }) => file),
    },
  }
}

function readAuthority(
  entry: AuthorityEntry,
  path: readonly string[],
  report: Report,
): Authority | undefined {
  const { directory, trust, roots } =
    typeof entry === 'string' ? { directory: entry, trust: undefined, roots: undefined } : entry
  const authority = resolveAuthority(directory, { trustFile: trust, rootsFile: roots })
  if (!('problem' in authority)) return authority
  report(path, authority.problem, authority.hint)
  return undefined
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

type SpecContext = {
  readonly named: NamedDocument
  readonly defaults: Omit<CertificateEntry, 'identifiers' | 'authority'>
  readonly authority: Authority | undefined
  readonly override: Authority | undefined
  readonly report: Report
}

function readSpec(name: string, entry: CertificateEntry, context: SpecContext): CertificateSpec | undefined {
  const { named, defaults, override, report } = context
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
  const identifiers = readIdentifiers(entry.identifiers ?? [name], [...path, 'identifiers'], report)
  const solver = readSolver(entry.solvers ?? defaults.solvers)
  const wildcard = identifiers.find(isWildcard)
  if (wildcard !== undefined && solver !== undefined) {
    report(
      [...path, 'identifiers'],
      `${wildcard.value} is a wildcard, which http-01 cannot prove`,
      'only dns-01 can; name the hosts one by one',
    )
  }
  const ownAuthority =
    entry.authority === undefined ? undefined : readAuthority(entry.authority, [...path, 'authority'], report)
  const authority = override ?? ownAuthority ?? context.authority
  const profile = entry.profile ?? defaults.profile
  if (authority === undefined || identifiers.length === 0) return undefined
  return {
    name: specName,
    identifiers,
    keyType: entry.key ?? defaults.key ?? 'ecdsa-p256',
    reuseKey: entry['reuse-key'] ?? defaults['reuse-key'] ?? false,
    authority,
    ...(profile !== undefined && { profile }),
    ...(solver !== undefined && { solver }),
    deploy: (entry.deploy ?? defaults.deploy ?? []).map(readTarget),
    source: named.file,
  }
}

/**
 * Identifiers from text, with every complaint at its place.
 * @returns those that are good
 */
export function readIdentifiers(
  texts: readonly string[],
  path: readonly string[],
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
  if (texts.length > maxOrderIdentifiers) {
    report(
      path,
      `${texts.length} identifiers, and no public CA puts more than ${maxOrderIdentifiers} into one certificate`,
      'split them over several certificates',
    )
  }
  return [...found.values()]
}

function readSolver(solvers: CertificateEntry['solvers']): SolverChoice | undefined {
  const http01 = solvers?.['http-01']
  if (http01 === undefined) return undefined
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

function readTarget(target: NonNullable<CertificateEntry['deploy']>[number]): DeployTarget {
  if (typeof target === 'string') return { name: target, options: {} }
  const { program, config, prefix, reload } = target.nginx
  const options = {
    ...(program !== undefined && { program }),
    ...(config !== undefined && { config }),
    ...(prefix !== undefined && { prefix }),
    ...(reload !== undefined && { reload }),
  }
  return { name: 'nginx', options }
}
