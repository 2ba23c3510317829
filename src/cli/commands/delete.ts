/** `certwright delete NAME`. */

import { AppError } from '../../base/errors.ts'
import { createHeld } from '../../base/held.ts'
import { dropInPath, dropInWithout, readDropIn, writeDropIn } from '../../manage/config/drop-in.ts'
import { deployableOf } from '../../manage/deployable.ts'
import { tidyUp } from '../../manage/execute/clean-up.ts'
import { endpointName } from '../../manage/observe/endpoint-result.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import type { CertificateSpec, SpecName } from '../../manage/spec.ts'
import { writeAttempts } from '../../manage/store/attempts.ts'
import { removeDeployments } from '../../manage/store/deployments.ts'
import { storeStep } from '../../manage/store/documents.ts'
import { switchLive } from '../../manage/store/generations.ts'
import { removeHistory } from '../../manage/store/history.ts'
import { removeHooks } from '../../manage/store/hooks.ts'
import { readInstall } from '../../manage/store/installs.ts'
import { takeLock } from '../../manage/store/locks.ts'
import { generationsPath } from '../../manage/store/paths.ts'
import { removeRenewal } from '../../manage/store/renewals.ts'
import { removeRun } from '../../manage/store/runs.ts'
import { createSolver, installerNames } from '../../plugins/registry.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { confirm } from '../confirm.ts'
import { findStored } from '../stored.ts'
import { createWorkbench, loadCommandConfig, type Workbench } from '../workbench.ts'

export type DeleteFlags = {
  readonly args: readonly string[]
  readonly yes?: boolean
  readonly force?: boolean
}

/** Removes the entry, the key and all generations. Refuses while a server reads the files. */
export async function deleteCertificate(
  context: CommandContext,
  { args, yes, force }: DeleteFlags,
): Promise<CommandResult> {
  const { state, runtime, place, signal } = context
  const name = await findStored(context, args[0] ?? '')
  const config = await loadCommandConfig(context)
  const spec = config.certificates.find(one => one.name === name)
  const dropIn = dropInPath(place, name)
  const pair = config.certificates.filter(one => one.name === spec?.pair)
  if (spec !== undefined && spec.source !== dropIn) {
    throw new AppError('ERR_USAGE', `${name} is defined in ${spec.source}`, {
      hint: pair.some(({ source, name: first }) => source === dropInPath(place, first))
        ? `certwright delete ${pair[0]?.name} removes both`
        : 'take it out there first, then run this again',
    })
  }
  await using bench = createWorkbench(context, config)
  const specs = spec === undefined ? [] : [spec, ...pair]
  if (force !== true) await refuseWhileInstalled(name, context)
  const names = [name, ...pair.map(one => one.name)]
  for (const one of force === true ? [] : specs) await refuseWhileUsed(one, bench, context)
  await confirm(
    `Delete the certificate ${names.join(' and ')} with its key and all generations?`,
    yes,
    context,
  )
  await using locks = createHeld()
  for (const one of names) {
    const about = { about: `delete ${one}`, signal }
    locks.use(await takeLock(state, `certificate-${one}`, about, runtime))
  }
  if (spec !== undefined) await removeEntry(dropIn, name, context)
  for (const one of names) await forget(one, bench, context)
  return {
    exitCode: exitCodes.done,
    text: `${names.join(' and ')}: deleted\n`,
    json: { name, deleted: true },
  }
}

/** Removes all that is stored of a certificate. */
async function forget(
  name: SpecName,
  bench: Workbench,
  { state, runtime, onEvent }: CommandContext,
): Promise<void> {
  const { run, endedRun } = await observeCertificate(state, name, runtime)
  await tidyUp(
    state,
    {
      name,
      presented: (run ?? endedRun)?.presented ?? [],
      solverFor: choice => createSolver(choice, bench.runtime),
      onEvent,
    },
    runtime,
  )
  await switchLive(state, name, undefined, runtime)
  await removeRun(state, name, runtime)
  await removeDeployments(state, name, runtime)
  await removeRenewal(state, name, runtime)
  await writeAttempts(state, name, {}, runtime)
  await removeHooks(state, name, runtime)
  await removeHistory(state, name, runtime)
  await storeStep(`remove ${generationsPath(state, name)}`, () =>
    runtime.files.remove(generationsPath(state, name)),
  )
}

// The file is a person's to edit: only the entry goes where there is more in it.
async function removeEntry(
  path: string,
  name: string,
  { runtime }: Pick<CommandContext, 'runtime'>,
): Promise<void> {
  const text = await readDropIn(path, runtime)
  const rest = text === undefined ? undefined : dropInWithout(path, name, text)
  if (rest !== undefined) await writeDropIn(path, rest, runtime)
  else await storeStep(`remove ${path}`, () => runtime.files.remove(path))
}

async function refuseWhileInstalled(name: SpecName, { state, runtime }: CommandContext): Promise<void> {
  for (const server of installerNames) {
    if ((await readInstall(state, { server, name }, runtime)) === undefined) continue
    throw new AppError('ERR_DEPLOY', `${name} is installed into the configuration of ${server}`, {
      hint: `first take it out again: certwright uninstall ${server} ${name}`,
    })
  }
}

async function refuseWhileUsed(
  spec: CertificateSpec,
  { deployerFor, runtime }: Workbench,
  { state, signal }: CommandContext,
): Promise<void> {
  const stored = newest(await observeCertificate(state, spec.name, runtime))
  if (stored === undefined) return
  const certificate = deployableOf(state, spec, stored)
  for (const target of spec.deploy) {
    const inspection = await (await deployerFor(target)).inspect(certificate, { signal })
    const [first] = inspection.state === 'ready' ? inspection.endpoints : []
    if (first === undefined) continue
    throw new AppError(
      'ERR_DEPLOY',
      `${target.name} still serves it: ${endpointName(first)}, ${first.source}`,
      {
        hint: 'take the files out of its configuration first; --force deletes them all the same, and the next reload will fail',
      },
    )
  }
}
