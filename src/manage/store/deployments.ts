/** What became of a certificate at each of its targets. */
import { instantSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import { startTlsProtocols } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { FileCopy } from '../../runtime/target-files.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { deploymentsPath, stateDirectoryMode } from './paths.ts'

/** The last deployment to one target. */
export type Deployment = {
  readonly target: string
  readonly generation: string
  readonly at: Instant
  /** Endpoints at which the leaf was seen; empty when the deployment failed or there was none to look at. */
  readonly seenAt: readonly string[]
  /** The same endpoints, so that they can be asked again without the server's configuration. */
  readonly endpoints?: readonly Endpoint[]
  /** The copies that were made, for servers that do not read `live/`. */
  readonly copies?: readonly FileCopy[]
  /** `targetHash` of the options by which they were made. */
  readonly copiedBy?: string
  /** When this generation was last good there, although a later delivery of it failed. */
  readonly goodAt?: Instant
  readonly failure?: { readonly code: string; readonly message: string; readonly hint?: string }
}

const deploymentsSchema = v.array(
  v.object({
    target: v.string(),
    generation: v.string(),
    at: instantSchema,
    seenAt: v.array(v.string()),
    endpoints: v.optional(
      v.array(
        v.object({
          host: v.string(),
          port: v.number(),
          serverName: v.optional(v.string()),
          proxyProtocol: v.optional(v.boolean()),
          startTls: v.optional(v.picklist(startTlsProtocols)),
          keyKind: v.optional(v.picklist(['ecdsa', 'rsa'])),
          source: v.string(),
        }),
      ),
    ),
    copies: v.optional(
      v.array(
        v.object({
          path: v.string(),
          sha256: v.string(),
          mode: v.number(),
          uid: v.number(),
          gid: v.number(),
        }),
      ),
    ),
    copiedBy: v.optional(v.string()),
    goodAt: v.optional(instantSchema),
    failure: v.optional(v.object({ code: v.string(), message: v.string(), hint: v.optional(v.string()) })),
  }),
) as v.GenericSchema<unknown, readonly Deployment[]> // absent members stay absent

/** The last deployment of a certificate to each of its targets. */
export async function readDeployments(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly Deployment[]> {
  return (await readDocument(deploymentsPath(state, name), deploymentsSchema, files)) ?? []
}

/** Writes the deployments of a certificate, all targets at once. */
export async function writeDeployments(
  state: string,
  name: SpecName,
  deployments: readonly Deployment[],
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`create ${state}/deployments`, () =>
    files.makeDirectory(`${state}/deployments`, stateDirectoryMode),
  )
  const json = deployments.map(({ at, goodAt, ...rest }) => ({
    ...rest,
    at: formatInstant(at),
    ...(goodAt !== undefined && { goodAt: formatInstant(goodAt) }),
  }))
  await writeDocument(deploymentsPath(state, name), json, files)
}

/** Forgets the deployments of a certificate. */
export async function removeDeployments(
  state: string,
  name: SpecName,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`remove ${deploymentsPath(state, name)}`, () => files.remove(deploymentsPath(state, name)))
}
