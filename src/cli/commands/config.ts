/** `certwright config ...`. */
import { formatYaml } from '../../manage/config/document.ts'
import type { CertificateSpec, Config } from '../../manage/spec.ts'
import { targetName } from '../../manage/spec.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { loadCommandConfig } from '../workbench.ts'

/** Reads the configuration; mistakes end the command with exit code 2. */
export async function checkConfig(context: CommandContext): Promise<CommandResult> {
  const { files, certificates } = await loadCommandConfig(context)
  const count = `${certificates.length} certificate${certificates.length === 1 ? '' : 's'}`
  return {
    exitCode: exitCodes.done,
    text: `the configuration is good: ${count} in ${files.join(', ')}\n`,
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

function configJson({ authority, account, resolvers, certificates, files }: Config): Record<string, unknown> {
  return {
    files,
    authority: { name: authority.id, ...authority, id: undefined },
    account: {
      email: account.email,
      'agree-to-terms': account.agreeToTerms,
      key: account.keyAlgorithm,
      ...(account.externalAccount !== undefined && {
        'external-account': {
          'key-id': account.externalAccount.keyId,
          'hmac-key': account.externalAccount.hmacKey, // a reference, never the secret
          algorithm: account.externalAccount.algorithm,
        },
      }),
    },
    resolvers,
    certificates: Object.fromEntries(certificates.map(spec => [spec.name, specJson(spec)])),
  }
}

function specJson(spec: CertificateSpec): Record<string, unknown> {
  return {
    identifiers: spec.identifiers.map(({ value }) => value),
    authority: spec.authority.id,
    key: spec.keyType,
    'reuse-key': spec.reuseKey,
    profile: spec.profile,
    solver: spec.solver === undefined ? undefined : { [spec.solver.name]: spec.solver.options },
    deploy: spec.deploy.map(targetName),
    source: spec.source,
  }
}
