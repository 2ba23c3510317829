/** Servers on another machine: copies over OpenSSH, and a command that makes them be read. */
import { AppError } from '../../../base/errors.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import { holdsKey, wantedFiles } from '../../../contracts/files-target.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { endpointNotes, endpointsOf, servedWithin } from '../endpoints.ts'
import { fillFiles } from '../files/contents.ts'
import { shownCommand } from '../server/run-program.ts'
import { obstacleOf } from '../service.ts'
import { runThere } from './connection.ts'
import { placeName } from './place.ts'
import { quoteAll } from './quote.ts'
import { prepareThere } from './remote-files.ts'

/** A deployer for the files of one other machine. */
export function createSshDeployer(
  target: TargetOptions<'ssh'>,
  runtime: Pick<Runtime, 'exec' | 'files' | 'environment'>,
): Deployer {
  const { directory: makeDirectory, reload } = target
  return {
    name: 'ssh',
    isSilent: reload === undefined,
    needsKey: target.write !== undefined && wantedFiles(target).some(({ format }) => holdsKey(format)),
    inspect: async (certificate, { signal }) => {
      try {
        await requireFiles(target, runtime)
        await runThere(target, 'true', { what: 'log in', signal }, runtime)
      } catch (error) {
        return obstacleOf(error)
      }
      const endpoints = endpointsOf(target, certificate, placeName(target))
      return { ...{ state: 'ready', endpoints, notes: endpointNotes(endpoints) }, ...servedWithin(target) }
    },
    prepare: async (certificate, { directory, signal }) => {
      const files = await fillFiles(target, certificate, { directory }, runtime)
      return await prepareThere(target, files, { makeDirectory, signal }, runtime)
    },
    activate: async ({ signal }) => {
      if (reload === undefined) return
      await runThere(
        target,
        `exec ${quoteAll(reload)}`,
        { what: `run "${shownCommand(reload)}"`, signal },
        runtime,
      )
    },
  }
}

/** ssh itself says nothing of a file that is missing, and goes on to ask for a password. */
async function requireFiles(target: TargetOptions<'ssh'>, { files }: Pick<Runtime, 'files'>): Promise<void> {
  for (const key of ['identity-file', 'known-hosts-file'] as const) {
    const path = target[key]
    if (path === undefined || (await files.facts(path)) !== undefined) continue
    const hint =
      key === 'identity-file' ? `ssh-keygen -t ed25519 -N '' -f ${path}` : 'see the guide: ssh-keyscan'
    const what = `${placeName(target)}: ${key} ${path} is not there`
    throw new AppError('ERR_DEPLOY', what, { hint, lasting: true })
  }
}
