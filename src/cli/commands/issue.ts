/** `certwright issue`: a drop-in, then everything that follows from it. */
import { resolve } from 'node:path'
import {
  type Identifier,
  identifierKey,
  isWildcard,
  parseIdentifier,
  sameIdentifiers,
} from '../../acme/identifier.ts'
import { maxOrderIdentifiers } from '../../acme/order.ts'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { suggest } from '../../base/suggest.ts'
import { bareTargets } from '../../contracts/target-options.ts'
import {
  dropInPath,
  type EntryChange,
  formatDropIn,
  readDropIn,
  writeDropIn,
} from '../../manage/config/drop-in.ts'
import { loadConfig } from '../../manage/config/load.ts'
import { readRequests } from '../../manage/config/requests.ts'
import type { AuthorityEntry, CertificateEntry } from '../../manage/config/schema.ts'
import { pairedKeyTypes, rsaSuffix } from '../../manage/pair.ts'
import { defaultSpecName, parseSpecName, type SpecName } from '../../manage/spec.ts'
import { writeAttempts } from '../../manage/store/attempts.ts'
import { takeLock } from '../../manage/store/locks.ts'
import type { KeyType } from '../../x509/key-types.ts'
import { describeResult, resultJson } from '../apply-text.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { createWorkbench, findSpec, loadCommandConfig, withAccountSettings } from '../workbench.ts'

export type IssueFlags = {
  readonly args: readonly string[]
  readonly name?: string
  readonly webroot?: string
  readonly standalone?: boolean
  readonly httpPort?: number
  readonly selfCheck: boolean
  readonly deploy?: readonly string[]
  readonly nginxConfig?: string
  readonly email?: string
  readonly agreeTerms?: boolean
  readonly key?: readonly KeyType[]
  readonly reuseKey?: boolean
  readonly csr?: string
  readonly profile?: string
  readonly preferredChain?: string
}

/**
 * Writes the entry, then issues and delivers. An entry that did not lead to a certificate is taken back, so that a
 * mistyped name is not tried for ever and does not stand in the way of renewing what was there before.
 */
export async function issue(context: CommandContext, flags: IssueFlags): Promise<CommandResult> {
  const identifiers = await wantedIdentifiers(flags, context)
  const [first] = identifiers
  if (first === undefined) {
    throw new AppError('ERR_USAGE', 'no name was given', {
      hint: 'certwright issue www.example.com, or --csr FILE; certwright issue --help shows more',
    })
  }
  const name = flags.name === undefined ? defaultSpecName(first) : chosenName(flags.name)
  if (identifiers.length > maxOrderIdentifiers) {
    throw new AppError(
      'ERR_USAGE',
      `${identifiers.length} names, and no public CA puts more than ${maxOrderIdentifiers} into one certificate`,
      { hint: 'split them over several certificates, each with a --name of its own' },
    )
  }
  const wildcard = identifiers.find(isWildcard)
  if (wildcard !== undefined) {
    throw new AppError('ERR_USAGE', `${wildcard.value} is a wildcard, which http-01 cannot prove`, {
      hint: 'only dns-01 can; name the hosts one by one',
    })
  }
  const before = await loadCommandConfig(context)
  const defined = before.certificates.find(spec => spec.name === name)
  const path = dropInPath(context.place, name)
  if (defined !== undefined && defined.source !== path) {
    throw new AppError('ERR_USAGE', `${name} is defined in ${defined.source}`, {
      hint: `change it there and run: certwright apply --only ${name}`,
    })
  }
  const gone = (defined?.identifiers ?? []).filter(
    had => !identifiers.some(wanted => identifierKey(wanted) === identifierKey(had)),
  )
  if (gone.length > 0) {
    const names = gone.map(({ value }) => value).join(' ')
    const text = `this takes ${names} out of the certificate; to keep what it has: certwright issue ${identifiers.map(({ value }) => value).join(' ')} ${names}`
    context.onEvent({ certificate: name, step: 'order', level: 'warning', text })
  }
  // Two at once would take each other's entry back.
  await using _lock = await takeLock(
    context.state,
    `entry-${name}`,
    { about: `issue ${name}`, signal: context.signal },
    context.runtime,
  )
  const earlier = await readDropIn(path, context.runtime)
  const entry = dropInEntry(
    identifiers.map(({ value }) => value),
    flags,
    context,
  )
  // What is not said again stays as it was: names are often added to an entry long after it was made.
  await writeDropIn(path, formatDropIn(name, entry, earlier), context.runtime)
  let kept = false
  try {
    const config = withAccountSettings(await loadConfig(context.place, {}, context.runtime), settings => ({
      ...settings,
      ...(flags.email !== undefined && { email: flags.email }),
      ...(flags.agreeTerms === true && { agreeToTerms: true }),
    }))
    await using bench = createWorkbench(context, config)
    if (findSpec(config, name).solvers.length === 0) {
      throw new AppError('ERR_USAGE', `nothing says how to prove control over ${name}`, {
        hint: 'give --webroot DIR or --standalone, or set defaults: { solvers: { http-01: { webroot: DIR } } }',
      })
    }
    const results = await bench.manager.apply({ only: [name], eager: true, signal: context.signal })
    kept = results.some(({ certificate }) => certificate !== undefined)
    const [result, second] = results
    if (result === undefined)
      throw new TypeError('the entry that was just written is not in the configuration')
    if (!kept && result.error !== undefined) throw result.error
    const { action } = result
    if (action?.kind === 'wait' && action.reason.code !== 'pair-incomplete') {
      throw new AppError('ERR_RATE_LIMITED', `${name} was not issued: ${action.reason.text}`, {
        hint: 'run the command again then; nothing was asked of the CA now',
        retryAt: action.until,
      })
    }
    const options = {
      state: context.state,
      now: context.runtime.clock.now(),
      color: context.globals.color,
    }
    return {
      exitCode: results.some(({ outcome }) => outcome === 'failed') ? exitCodes.failed : exitCodes.done,
      text: results.map(one => describeResult(one, options)).join(''),
      json: {
        ...resultJson(result, context.state),
        ...(second !== undefined && { pair: resultJson(second, context.state) }),
      },
    }
  } catch (error) {
    if (!kept) await takeBack(name, { path, earlier }, context)
    throw error
  }
}

/** Never throws: what went wrong before is what a person must hear of. */
async function takeBack(
  name: SpecName,
  { path, earlier }: { readonly path: string; readonly earlier: string | undefined },
  { state, runtime, onEvent }: CommandContext,
): Promise<void> {
  try {
    if (earlier === undefined) await runtime.files.remove(path)
    else {
      await writeDropIn(path, earlier, runtime)
      // What failed was asked for by the entry that is gone again.
      await writeAttempts(state, name, {}, runtime)
      const second = parseSpecName(`${name}${rsaSuffix}`)
      if (second !== undefined) await writeAttempts(state, second, {}, runtime)
    }
  } catch (error) {
    const text = `the entry could not be taken back (${messageOf(error)}): put ${path} in order yourself`
    onEvent({ certificate: name, step: 'storing', level: 'warning', text })
  }
}

/** The names that were given, or those of the CSR. */
async function wantedIdentifiers(
  { args, csr, key, reuseKey }: IssueFlags,
  { runtime }: CommandContext,
): Promise<readonly Identifier[]> {
  const given = [...new Map(args.map(parseIdentifier).map(one => [identifierKey(one), one])).values()]
  if (csr === undefined) return given
  if (key !== undefined || reuseKey === true) {
    throw new AppError('ERR_USAGE', '--csr and --key or --reuse-key exclude each other', {
      hint: 'the key is the one in the CSR',
    })
  }
  const path = resolve(csr)
  const request = (await readRequests(new Set([path]), runtime)).get(path)
  if (request === undefined || 'problem' in request)
    throw new AppError('ERR_USAGE', `--csr: ${request?.problem ?? 'nothing was read'}`, {
      hint: request?.hint,
    })
  if (given.length > 0 && !sameIdentifiers(given, request.identifiers)) {
    const names = request.identifiers.map(({ value }) => value).join(' ')
    throw new AppError('ERR_USAGE', `the CSR is for other names: ${printable(names, 200)}`, {
      hint: 'leave the names out, or make another CSR',
    })
  }
  return request.identifiers
}

function chosenName(text: string): SpecName {
  const name = parseSpecName(text)
  if (name !== undefined) return name
  throw new AppError('ERR_USAGE', `"${printable(text, 80)}" cannot be used as a name`, {
    hint: 'use up to 200 lower-case letters, digits, dots, hyphens and underscores',
  })
}

function dropInEntry(identifiers: string[], flags: IssueFlags, { globals }: CommandContext): EntryChange {
  const { webroot, standalone, httpPort, selfCheck, key, reuseKey, csr, profile, preferredChain } = flags
  if (webroot !== undefined && standalone === true) {
    throw new AppError('ERR_USAGE', '--webroot and --standalone exclude each other', {
      hint: 'use --webroot where a web server runs on port 80, --standalone where none does',
    })
  }
  const way =
    webroot !== undefined
      ? { webroot: resolve(webroot) }
      : standalone === true
        ? { standalone: standaloneEntry(httpPort) }
        : undefined
  const http01 = way && {
    ...way,
    ...(httpPort !== undefined && { port: httpPort }),
    ...(!selfCheck && { 'self-check': false }),
  }
  const deploy = (flags.deploy ?? []).map(target => deployEntry(target, flags))
  const authority = authorityEntry(globals)
  return {
    // The names and the key are those of the CSR, also when it is replaced by another one.
    ...(csr === undefined
      ? { identifiers }
      : { csr: resolve(csr), identifiers: undefined, key: undefined, 'reuse-key': undefined }),
    ...(authority !== undefined && { authority }),
    ...(key !== undefined && { key: keyEntry(key) }),
    ...(reuseKey === true && { 'reuse-key': true }),
    ...(profile !== undefined && { profile }),
    ...(preferredChain !== undefined && { 'preferred-chain': preferredChain }),
    ...(http01 !== undefined && { solvers: { 'http-01': http01 } }),
    ...(deploy.length > 0 && { deploy }),
  }
}

function keyEntry(keyTypes: readonly KeyType[]): NonNullable<CertificateEntry['key']> {
  const [first] = keyTypes
  if (keyTypes.length === 1 && first !== undefined) return first
  if (pairedKeyTypes(keyTypes) !== undefined) return [...keyTypes]
  throw new AppError('ERR_USAGE', `--key ${keyTypes.join(' --key ')} is not one ECDSA and one RSA kind`, {
    hint: 'give it once, or twice for two certificates: --key ecdsa-p256 --key rsa-2048',
  })
}

function standaloneEntry(port: number | undefined): true | { port: number } {
  return port === undefined ? true : { port }
}

function deployEntry(
  target: string,
  { nginxConfig }: IssueFlags,
): NonNullable<CertificateEntry['deploy']>[number] {
  const [, directory] = /^files:(.+)$/.exec(target) ?? []
  if (directory !== undefined) return { files: { directory: resolve(directory) } }
  if (target === 'nginx' && nginxConfig !== undefined) return { nginx: { config: resolve(nginxConfig) } }
  if (bareTargets.includes(target)) return target
  const near = suggest(target, bareTargets)
  const known = `known targets: ${bareTargets.join(', ')}, and files:DIR for copies in a directory`
  throw new AppError('ERR_USAGE', `--deploy: "${printable(target, 80)}" is not a known target`, {
    hint: `${near === undefined ? known : `did you mean ${near}?`} (what needs options is written in the configuration)`,
  })
}

function authorityEntry({ authority, trust }: CommandContext['globals']): AuthorityEntry | undefined {
  if (authority === undefined) return undefined
  return trust === undefined ? authority : { directory: authority, trust: resolve(trust) }
}
