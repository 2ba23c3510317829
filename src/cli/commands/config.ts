/** `certwright config ...`. */
import { formatDuration } from '../../base/duration.ts'
import { formatYaml } from '../../manage/config/document.ts'
import { formatListenAddress } from '../../manage/config/listen-address.ts'
import { formatRenewAt, formatWindow } from '../../manage/config/renew.ts'
import type {
  AccountSettings,
  Authority,
  CertificateSpec,
  Config,
  MonitoredEndpoint,
} from '../../manage/spec.ts'
import { targetName } from '../../manage/spec.ts'
import { formatEndpoint } from '../../runtime/endpoint-text.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { loadCommandConfig } from '../workbench.ts'

/** Reads the configuration; mistakes end the command with exit code 2. */
export async function checkConfig(context: CommandContext): Promise<CommandResult> {
  const { files, certificates } = await loadCommandConfig(context)
  const count = `${certificates.length} certificate${certificates.length === 1 ? '' : 's'}`
  const text =
    files.length === 0
      ? `there is no configuration yet, neither ${context.place.file} nor a drop-in`
      : `the configuration is good: ${count} in ${files.join(', ')}`
  return {
    exitCode: exitCodes.done,
    text: `${text}\n`,
    json: { ok: true, files, certificates: certificates.map(({ name }) => name) },
  }
}

/** Prints the configuration as it is understood, with every default filled in. */
export async function showConfig(context: CommandContext): Promise<CommandResult> {
  const json = configJson(await loadCommandConfig(context))
  return { exitCode: exitCodes.done, text: formatYaml(json), json }
}

/** Prints the JSON Schema of a configuration file. */
export async function configSchema(): Promise<CommandResult> {
  const { configJsonSchema } = await import('../../manage/config/json-schema.ts')
  const schema = configJsonSchema()
  return { exitCode: exitCodes.done, text: `${JSON.stringify(schema, undefined, 2)}\n`, json: schema }
}

function configJson(config: Config): Record<string, unknown> {
  const {
    authority,
    authorities,
    account,
    resolvers,
    timeZone,
    notify,
    heartbeat,
    daemon,
    endpoints,
    certificates,
    files,
  } = config
  return {
    files,
    authority: authorityJson(authority),
    authorities: Object.fromEntries(
      authorities.map(({ id, account: own, ...rest }) => [
        id,
        { ...rest, ...(own && { account: accountJson(own) }) },
      ]),
    ),
    account: accountJson(account),
    'time-zone': timeZone,
    resolvers,
    notify: notify.map(({ name, options, on, atLeast }) => ({
      [name]: { ...options, on, 'at-least': atLeast },
    })),
    heartbeat,
    daemon: {
      metrics: daemon.metrics && formatListenAddress(daemon.metrics),
      'metrics-file': daemon.metricsFile,
    },
    endpoints: endpoints.map(endpointJson),
    certificates: Object.fromEntries(certificates.map(spec => [spec.name, specJson(spec)])),
  }
}

function endpointJson({ endpoint, certificate, warnBeforeMs, rootsFile }: MonitoredEndpoint): object {
  return {
    endpoint: formatEndpoint(endpoint),
    'server-name': endpoint.serverName,
    certificate,
    'warn-before':
      warnBeforeMs === undefined ? '21 d, or a quarter of a shorter life' : formatDuration(warnBeforeMs),
    roots: rootsFile,
  }
}

function accountJson({ email, agreeToTerms, keyAlgorithm, externalAccount }: AccountSettings): object {
  return {
    email,
    'agree-to-terms': agreeToTerms,
    key: keyAlgorithm,
    ...(externalAccount !== undefined && {
      'external-account': {
        'key-id': externalAccount.keyId,
        'hmac-key': externalAccount.hmacKey, // a reference, never the secret
        algorithm: externalAccount.algorithm,
      },
    }),
  }
}

function specJson(spec: CertificateSpec): Record<string, unknown> {
  return {
    identifiers: spec.identifiers.map(({ value }) => value),
    authority:
      spec.fallbacks.length === 0
        ? authorityJson(spec.authority)
        : [spec.authority, ...spec.fallbacks].map(authorityJson),
    csr: spec.csr?.file,
    key: spec.keyType,
    pair: spec.pair,
    'reuse-key': spec.reuseKey,
    profile: spec.profile,
    'preferred-chain': spec.preferredChain,
    'must-staple': spec.mustStaple,
    solvers: spec.solvers.map(({ for: fitting, name, options }) => ({
      ...(fitting !== undefined && { for: fitting.map(({ value }) => value) }),
      [name]: options,
    })),
    deploy: spec.deploy.map(targetName),
    ...(spec.hooks && {
      hooks: {
        before: spec.hooks.before,
        after: spec.hooks.after,
        timeout: formatDuration(spec.hooks.timeoutMs),
      },
    }),
    renew: {
      at:
        spec.renew.at === undefined
          ? 'a third of the life before the end, half of one under ten days'
          : formatRenewAt(spec.renew.at),
      windows: spec.renew.windows.map(formatWindow),
    },
    source: spec.source,
  }
}

function authorityJson({ id, directory, trustFile, rootsFile }: Authority): object {
  return { name: id, directory, trust: trustFile, roots: rootsFile }
}
