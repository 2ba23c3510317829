/** Copies of a certificate in files of their own, for servers that cannot read `live/<name>` or want another format. */
import type { Deployer } from '../../../contracts/deployer.ts'
import type { FilesTarget } from '../../../contracts/files-target.ts'
import { runOrFail } from '../server/run-program.ts'
import { createServiceDeployer, type ServiceRuntime } from '../service.ts'

/** A deployer for one set of files. */
export function createFilesDeployer(target: FilesTarget, runtime: ServiceRuntime): Deployer {
  const [program, ...args] = target.reload ?? []
  const deployer = createServiceDeployer(
    'files',
    target,
    {
      activate: async ({ signal }) => {
        if (program !== undefined) await runOrFail(program, args, runtime, { signal })
      },
    },
    runtime,
  )
  return { ...deployer, isSilent: program === undefined }
}
