/** A program of the user's own that brings the certificate to a server, or makes one read it. */
import { X509Certificate } from 'node:crypto'
import { parseDurationMs } from '../../../base/duration.ts'
import { instant } from '../../../base/instant.ts'
import { certificateEnvironment } from '../../../contracts/certificate-environment.ts'
import type { Activation, DeployableCertificate, Deployer } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { runOrFail, shownCommand } from '../server/run-program.ts'
import { createServiceDeployer, type ServiceRuntime } from '../service.ts'

/** A deployer that runs a program for each certificate. */
export function createExecDeployer(target: TargetOptions<'exec'>, runtime: ServiceRuntime): Deployer {
  return createServiceDeployer(
    'exec',
    target,
    {
      source: shownCommand(target.command),
      activate: async ({ certificates = [], goingBack = false, signal }: Activation) => {
        const { command, undo = command, timeout } = target
        for (const certificate of certificates) {
          const event = goingBack ? 'going-back' : 'delivery'
          const env = await environmentOf(event, certificate, runtime)
          const timeoutMs = timeout === undefined ? {} : { timeoutMs: parseDurationMs(timeout) }
          const [program = '', ...args] = goingBack ? undo : command
          await runOrFail(program, args, runtime, { env, ...timeoutMs, signal })
        }
      },
    },
    runtime,
  )
}

/** What the program is told: of the certificate to which `live/<name>` leads now, which may be the earlier one. */
async function environmentOf(
  event: string,
  { name, identifiers, liveDirectory }: DeployableCertificate,
  { files }: Pick<Runtime, 'files'>,
): Promise<Readonly<Record<string, string>>> {
  const pem = await files.read(`${liveDirectory}/cert.pem`)
  const leaf = pem === undefined ? undefined : new X509Certificate(pem)
  const issued = leaf && {
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notAfter: instant(leaf.validToDate.getTime()),
  }
  return certificateEnvironment(event, { name, identifiers, directory: liveDirectory, issued })
}
