/** A secret of Vault or OpenBao, in a key-value store of version 1 or 2; the second is written only where nobody else was faster. */
import type { AppError } from '../../../base/errors.ts'
import type { Deployer, Inspection } from '../../../contracts/deployer.ts'
import type { FileFormat } from '../../../contracts/files-target.ts'
import { readSecret } from '../../../contracts/secret.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles } from '../../../runtime/target-files.ts'
import { readTrust } from '../../notifiers/exchange.ts'
import { type Api, type ApiReply, askApi, member, refusal } from '../api.ts'
import { endpointNotes, endpointsOf, servedWithin } from '../endpoints.ts'
import { type CertificateParts, formatCertificate } from '../formats/format.ts'
import { readParts } from '../server/read-parts.ts'
import { obstacleOf } from '../service.ts'

type Target = TargetOptions<'vault'>
type VaultRuntime = Pick<Runtime, 'environment' | 'exec' | 'files' | 'http'>
type Options = { readonly signal?: AbortSignal }

/** What is written where the configuration names no fields. */
const usualFields: Readonly<NonNullable<Target['fields']>> = {
  cert: 'cert',
  chain: 'chain',
  fullchain: 'fullchain',
  privkey: 'key',
}

/** A secret as it is there. */
type Secret = {
  /** `undefined` where there is none, or its last version was deleted. */
  readonly data: Readonly<Record<string, unknown>> | undefined
  /** The number of its last version; 0 where there was none. Of no use in version 1 of the store. */
  readonly version: number
}

/** A deployer for one secret. */
export function createVaultDeployer(target: Target, runtime: VaultRuntime): Deployer {
  return {
    name: 'vault',
    isSilent: true,
    needsKey: Object.values(target.fields ?? usualFields).some(format => !publicFormats.has(format)),
    inspect: async (certificate, { signal }): Promise<Inspection> => {
      try {
        await read(await apiOf(target, runtime), target, { signal }, runtime)
      } catch (error) {
        return obstacleOf(error)
      }
      const endpoints = endpointsOf(target, certificate, `secret ${target.mount}/${target.path}`)
      return { ...{ state: 'ready', endpoints, notes: endpointNotes(endpoints) }, ...servedWithin(target) }
    },
    prepare: async (certificate, { directory, signal }) => {
      const parts = await readParts(directory, certificate, runtime)
      return await prepare(target, fieldsOf(target, parts), { signal }, runtime)
    },
    activate: async () => {}, // who uses the secret reads it again by itself
  }
}

const publicFormats: ReadonlySet<FileFormat> = new Set(['cert', 'chain', 'fullchain'])

function fieldsOf(
  { fields = usualFields }: Target,
  parts: CertificateParts,
): Readonly<Record<string, string>> {
  const text = (format: FileFormat) =>
    new TextDecoder().decode(formatCertificate(format, parts, { alias: '', password: '' }))
  return Object.fromEntries(Object.entries(fields).map(([name, format]) => [name, text(format)]))
}

async function prepare(
  target: Target,
  fields: Readonly<Record<string, string>>,
  options: Options,
  runtime: VaultRuntime,
): Promise<PreparedFiles> {
  const api = await apiOf(target, runtime)
  const before = await read(api, target, options, runtime)
  const differs = ({ data }: Secret) => Object.entries(fields).some(([name, text]) => data?.[name] !== text)
  const changes = differs(before)
  return {
    copies: [],
    changes,
    replaces: before.data !== undefined,
    commit: async () => {
      // Other fields of the same secret are somebody else's.
      const data = { ...before.data, ...fields }
      if (changes) await write(api, target, { data, version: before.version }, runtime)
    },
    undo: async () => {
      // One that was not there before stays: whoever uses it may not be able to go on without it.
      if (!changes || before.data === undefined) return
      const now = await read(api, target, {}, runtime) // an answer may have been lost
      if (!differs(now)) await write(api, target, { data: before.data, version: now.version }, runtime)
    },
    keep: async () => {},
  }
}

async function apiOf(
  { address, namespace, token, 'ca-file': caFile }: Target,
  runtime: VaultRuntime,
): Promise<Api> {
  const secret = await readSecret(token, runtime)
  return {
    service: `vault at ${address.replace(/\/$/, '')}`,
    headers: {
      'x-vault-token': secret,
      'x-vault-request': 'true', // which no page in a browser can send
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    },
    trustPem: caFile === undefined ? undefined : await readTrust(caFile, runtime),
    secrets: [secret],
  }
}

function isVersioned({ 'kv-version': version = 2 }: Target): boolean {
  return version === 2
}

function urlOf(target: Target): string {
  const { address, mount, path } = target
  return `${address.replace(/\/$/, '')}/v1/${mount}/${isVersioned(target) ? 'data/' : ''}${path}`
}

async function read(
  api: Api,
  target: Target,
  options: Options,
  runtime: Pick<Runtime, 'http'>,
): Promise<Secret> {
  const reply = await askApi(api, urlOf(target), { method: 'GET', ...options }, runtime)
  const errors = errorsOf(reply)
  const outer = member(reply.json, 'data')
  // One whose last version was deleted is answered with 404, too, and goes on from its number.
  if (reply.status === 404 && (errors === '' || outer !== undefined) && reply.json !== undefined)
    return { data: undefined, version: versionOf(member(outer, 'metadata')) }
  const data = recordOf(isVersioned(target) ? member(outer, 'data') : outer)
  if (reply.status !== 200 || data === undefined)
    throw refused(api, `read ${target.mount}/${target.path}`, reply, target)
  return { data, version: versionOf(member(outer, 'metadata')) }
}

async function write(
  api: Api,
  target: Target,
  { data, version }: { readonly data: Readonly<Record<string, unknown>>; readonly version: number },
  runtime: Pick<Runtime, 'http'>,
): Promise<void> {
  const body = isVersioned(target) ? { options: { cas: version }, data } : data
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'POST' as const, headers, body: JSON.stringify(body) }
  const reply = await askApi(api, urlOf(target), request, runtime)
  if (reply.status === 200 || reply.status === 204) return
  throw refused(api, `write ${target.mount}/${target.path}`, reply, target)
}

function refused(api: Api, what: string, reply: ApiReply, target: Target): AppError {
  return refusal(api, what, reply, { said: errorsOf(reply), hint: hintFor(reply, target) })
}

function hintFor(reply: ApiReply, target: Target): string {
  const { mount, path } = target
  const { status } = reply
  const said = errorsOf(reply)
  if (status === 400 && said.includes('check-and-set'))
    return 'somebody else wrote this secret in between; the delivery is tried again later'
  if (status === 401 || status === 403) {
    const rule = `${mount}/${isVersioned(target) ? 'data/' : ''}${path}`
    return `the token must be valid, and its policy allow read, create and update of ${rule}`
  }
  if (status === 404 || status === 405)
    return `see whether ${mount} is a key-value store of that kv-version, and the namespace`
  if (status === 503) return 'it is sealed, or under maintenance: unseal it'
  if (status === 429 || status >= 500)
    return 'vault has trouble of its own; the delivery is tried again later'
  return 'see whether address, mount and kv-version are right'
}

function errorsOf({ json }: ApiReply): string {
  const errors = member(json, 'errors')
  return Array.isArray(errors) ? errors.map(String).join('; ') : ''
}

function versionOf(value: unknown): number {
  const version = member(value, 'version')
  return typeof version === 'number' ? version : 0
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined
}
