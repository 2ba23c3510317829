/** Servers on another machine: copies over OpenSSH, and a command that makes them be read. */
import type { Deployer } from '../../../contracts/deployer.ts'
import { holdsKey, wantedFiles } from '../../../contracts/files-target.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { endpointNotes, endpointsOf, servedWithin } from '../endpoints.ts'
import { fillFiles } from '../files/contents.ts'
import { shownCommand } from '../server/run-program.ts'
import { obstacleOf } from '../service.ts'
import { placeName, runThere } from './connection.ts'
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
