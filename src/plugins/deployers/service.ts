/** What is the same for every server on this machine: the copies it may want, and where it is looked at. */
import { isAppError } from '../../base/errors.ts'
import type { DeployableCertificate, Deployer, Inspection } from '../../contracts/deployer.ts'
import {
  type EndpointOptions,
  type FileOptions,
  hasFiles,
  holdsKey,
  wantedFiles,
} from '../../contracts/files-target.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { PreparedFiles, TargetFile } from '../../runtime/target-files.ts'
import { endpointNotes, endpointsOf, servedWithin } from './endpoints.ts'
import { fillFiles, type PrepareOptions } from './files/contents.ts'
import { numberOf } from './server/owner.ts'

export type ServiceRuntime = Pick<Runtime, 'exec' | 'files' | 'targetFiles' | 'environment'>
export type ServiceOptions = FileOptions & EndpointOptions

/** Why a target is not ready. */
export type Obstacle = Exclude<Inspection, { readonly state: 'ready' }>

/** A failure as an obstacle: what will pass by itself holds no other target up, and no new certificate. */
export function obstacleOf(error: unknown): Obstacle {
  if (!isAppError(error, 'ERR_DEPLOY', 'ERR_CONFIG_READ')) throw error
  return { state: error.lasting ? 'broken' : 'not-running', error }
}

/** What tells a kind of service from the others. */
export type ServiceParts = Pick<Deployer, 'activate'> & {
  /** What the endpoints belong to, for people; the first file when absent. */
  readonly source?: string
  /** What stands in the way. MUST NOT change anything. */
  readonly obstacle?: (options: { readonly signal: AbortSignal }) => Promise<Obstacle | undefined>
}

/** A deployer that writes the copies of a target, where it has some, and otherwise leaves its server to `live/<name>`. */
export function createServiceDeployer(
  name: string,
  target: ServiceOptions,
  { source, obstacle, activate }: ServiceParts,
  runtime: ServiceRuntime,
): Deployer {
  const files = hasFiles(target) ? wantedFiles(target) : []
  return {
    name,
    // The usual five are those that can be had.
    needsKey: target.write !== undefined && files.some(({ format }) => holdsKey(format)),
    inspect: async (certificate, options) => {
      const found = await obstacle?.(options)
      if (found !== undefined) return found
      const endpoints = endpointsOf(target, certificate, source ?? files[0]?.path ?? name)
      return {
        ...{ state: 'ready', endpoints, notes: endpointNotes(endpoints) },
        ...servedWithin(target),
      }
    },
    ...(files.length > 0 && {
      prepare: (certificate, options) => prepareCopies(target, certificate, options, runtime),
    }),
    activate,
  }
}

/** Writes the copies of a target under other names. */
async function prepareCopies(
  target: FileOptions,
  certificate: DeployableCertificate,
  options: PrepareOptions,
  runtime: ServiceRuntime,
): Promise<PreparedFiles> {
  const files: TargetFile[] = []
  for (const { file, content } of await fillFiles(target, certificate, options, runtime)) {
    const { path, mode, owner, group } = file
    files.push({
      ...{ path, mode, content },
      ...(owner !== undefined && { uid: await numberOf('user', owner, runtime, options) }),
      ...(group !== undefined && { gid: await numberOf('group', group, runtime, options) }),
    })
  }
  const { directory: makeDirectory } = target
  return runtime.targetFiles.prepare(files, makeDirectory === undefined ? {} : { makeDirectory })
}
