/** A Secret of type kubernetes.io/tls, kept by server-side apply. */
import { AppError } from '../../../base/errors.ts'
import type { Deployer, Inspection } from '../../../contracts/deployer.ts'
import { readSecret } from '../../../contracts/secret.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles } from '../../../runtime/target-files.ts'
import { readTrust } from '../../notifiers/exchange.ts'
import { type Api, type ApiReply, askApi, member, refusal } from '../api.ts'
import { endpointNotes, endpointsOf, servedWithin } from '../endpoints.ts'
import { readParts } from '../server/read-parts.ts'
import { obstacleOf } from '../service.ts'

type Target = TargetOptions<'kubernetes'>
type KubernetesRuntime = Pick<Runtime, 'environment' | 'exec' | 'files' | 'http'>
type Options = { readonly signal?: AbortSignal }

/** What every pod is given. */
const inCluster = '/var/run/secrets/kubernetes.io/serviceaccount'
const secretType = 'kubernetes.io/tls'
/** Whose fields these are, for everybody else who writes to the same object. */
const fieldManager = 'certwright'

/** The two fields of such a secret, base64. */
type SecretData = { readonly 'tls.crt': string; readonly 'tls.key': string }

/** A deployer for one secret. */
export function createKubernetesDeployer(target: Target, runtime: KubernetesRuntime): Deployer {
  return {
    name: 'kubernetes',
    isSilent: true,
    needsKey: true,
    inspect: async (certificate, { signal }): Promise<Inspection> => {
      try {
        const cluster = await clusterOf(target, runtime)
        await readObject(cluster, target, { signal }, runtime)
      } catch (error) {
        return obstacleOf(error)
      }
      const endpoints = endpointsOf(target, certificate, `secret ${target.namespace}/${target.secret}`)
      return { ...{ state: 'ready', endpoints, notes: endpointNotes(endpoints) }, ...servedWithin(target) }
    },
    prepare: async (certificate, { directory, signal }) => {
      const { cert, chain, key } = await readParts(directory, certificate, runtime)
      return await prepare(
        target,
        { 'tls.crt': base64(cert + chain), 'tls.key': base64(key) },
        { signal },
        runtime,
      )
    },
    activate: async () => {}, // who uses the secret watches it
  }
}

async function prepare(
  target: Target,
  data: SecretData,
  options: Options,
  runtime: KubernetesRuntime,
): Promise<PreparedFiles> {
  // With the token of each moment: those of pods are replaced every hour.
  const look = async (how: Options) => readObject(await clusterOf(target, runtime), target, how, runtime)
  const apply = async (wanted: SecretData) =>
    applyObject(await clusterOf(target, runtime), target, wanted, runtime)
  const before = await look(options)
  const changes = !isSame(before, data)
  return {
    copies: [],
    changes,
    replaces: before !== undefined,
    commit: async () => {
      if (changes) await apply(data)
    },
    undo: async () => {
      // One that was not there before stays: whoever uses it may not be able to go on without it.
      if (!changes || before === undefined) return
      if (isSame(await look({}), data)) await apply(before) // an answer may have been lost
    },
    keep: async () => {},
  }
}

function isSame(one: SecretData | undefined, other: SecretData): boolean {
  return one?.['tls.crt'] === other['tls.crt'] && one['tls.key'] === other['tls.key']
}

type Cluster = { readonly api: Api; readonly server: string }

/** How the cluster is asked: as configured, or as every pod may. */
async function clusterOf(
  { server: configured, token, 'ca-file': caFile }: Target,
  runtime: KubernetesRuntime,
): Promise<Cluster> {
  const server = (configured ?? serverOfPod(runtime)).replace(/\/$/, '')
  const secret = await readSecret(token ?? { file: `${inCluster}/token` }, runtime)
  const trustFile = caFile ?? (configured === undefined ? `${inCluster}/ca.crt` : undefined)
  const api: Api = {
    service: `kubernetes at ${server}`,
    headers: { authorization: `Bearer ${secret}` },
    trustPem: trustFile === undefined ? undefined : await readTrust(trustFile, runtime),
    secrets: [secret],
  }
  return { api, server }
}

function serverOfPod({ environment }: Pick<Runtime, 'environment'>): string {
  const host = environment('KUBERNETES_SERVICE_HOST')
  const port = environment('KUBERNETES_SERVICE_PORT') ?? '443'
  if (host !== undefined && host !== '') return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  throw new AppError('ERR_DEPLOY', 'this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set', {
    hint: 'say which cluster is meant: server, token and ca-file',
    lasting: true,
  })
}

function urlOf({ server }: Cluster, { namespace, secret }: Target): string {
  return `${server}/api/v1/namespaces/${namespace}/secrets/${secret}`
}

/** What is in the secret now; `undefined` where there is none. */
async function readObject(
  cluster: Cluster,
  target: Target,
  options: Options,
  runtime: Pick<Runtime, 'http'>,
): Promise<SecretData | undefined> {
  const reply = await askApi(cluster.api, urlOf(cluster, target), { method: 'GET', ...options }, runtime)
  const name = `${target.namespace}/${target.secret}`
  if (reply.status === 404 && member(reply.json, 'kind') === 'Status') return undefined
  if (reply.status !== 200 || member(reply.json, 'kind') !== 'Secret')
    throw refused(cluster, `read the secret ${name}`, reply, target)
  const type = member(reply.json, 'type')
  if (type !== secretType) {
    const what = `${cluster.api.service}: the secret ${name} is of type ${String(type)}, not ${secretType}`
    const hint = 'the type of a secret cannot be changed: delete it, or choose another name'
    throw new AppError('ERR_DEPLOY', what, { hint, lasting: true })
  }
  const data = member(reply.json, 'data')
  const field = (key: string) => {
    const value = member(data, key)
    return typeof value === 'string' ? value : ''
  }
  return { 'tls.crt': field('tls.crt'), 'tls.key': field('tls.key') }
}

async function applyObject(
  cluster: Cluster,
  target: Target,
  data: SecretData,
  runtime: Pick<Runtime, 'http'>,
): Promise<void> {
  const { namespace, secret: name, force = false } = target
  const query = new URLSearchParams({ fieldManager, ...(force && { force: 'true' }) })
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: secretType, data }
  const reply = await askApi(
    cluster.api,
    `${urlOf(cluster, target)}?${query.toString()}`,
    {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' }, // of which JSON is a part
      body: JSON.stringify(body),
    },
    runtime,
  )
  if (reply.status === 200 || reply.status === 201) return
  throw refused(cluster, `write the secret ${namespace}/${name}`, reply, target)
}

function refused({ api }: Cluster, what: string, reply: ApiReply, target: Target): AppError {
  const said = member(reply.json, 'message')
  return refusal(api, what, reply, {
    said: typeof said === 'string' ? said : undefined,
    hint: hintFor(reply.status, target),
  })
}

function hintFor(status: number, { namespace, secret }: Target): string {
  if (status === 401) return 'the token is not accepted, or has ended: make a new one'
  if (status === 403)
    return `a Role in ${namespace} must allow get, create and patch of the secret ${secret}, and a RoleBinding give it to this account`
  if (status === 404) return `see whether the namespace ${namespace} exists, and whether server is right`
  if (status === 409)
    return 'somebody else keeps these fields; take them over with force: true, once nobody else writes them'
  if (status === 422) return 'the cluster does not take it in this form: see what it says'
  if (status === 429 || status >= 500)
    return 'the cluster has trouble of its own; the delivery is tried again later'
  return 'see whether server is the address of the API server'
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
