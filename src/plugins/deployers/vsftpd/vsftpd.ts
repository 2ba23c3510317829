/** vsftpd on this machine: it reads its files when it starts, and never again. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Deployer } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { badPair } from '../server/bad-pair.ts'
import { readText } from '../server/read-text.ts'
import { runOrFail } from '../server/run-program.ts'
import { createServerDeployer, type ServerRuntime, type ServerView } from '../server/server.ts'
import { tellService } from '../server/service.ts'
import { isStartedByOthers, parseSettings, type Settings, vsftpdPlaces } from './configuration.ts'

type Situation = {
  readonly options: ServerOptions
  readonly runtime: ServerRuntime
  readonly signal: AbortSignal
}
type Found = { readonly path: string; readonly settings: Settings }

/** Debian's, and that of the others. */
const usualConfigs = ['/etc/vsftpd.conf', '/etc/vsftpd/vsftpd.conf']

/** A deployer for one vsftpd. It reads files as root. */
export function createVsftpdDeployer(options: ServerOptions, runtime: ServerRuntime): Deployer {
  return createServerDeployer(
    {
      name: 'vsftpd',
      look: ({ signal }) => look({ options, runtime, signal }),
      activate: ({ signal }) => activate({ options, runtime, signal }),
    },
    options,
    runtime,
  )
}

/** Whether it runs is not looked at: it tells nobody which process it is. */
async function look(situation: Situation): Promise<ServerView> {
  const found = await readSettings(situation)
  const rejected = await whyRefused('ERR_DEPLOY_BROKEN_BEFORE', found, situation)
  return { places: vsftpdPlaces(found.settings, found.path), rejected }
}

async function activate(situation: Situation): Promise<void> {
  const { options, runtime, signal } = situation
  const found = await readSettings(situation)
  const refused = await whyRefused('ERR_DEPLOY', found, situation)
  if (refused !== undefined) throw refused
  const [program, ...args] = options.reload ?? []
  if (program !== undefined) await runOrFail(program, args, runtime, { signal })
  else if (!isStartedByOthers(found.settings))
    await tellService({ action: 'restart', names: ['vsftpd'] }, runtime, { signal })
}

async function readSettings({ options: { config }, runtime }: Situation): Promise<Found> {
  const paths = config === undefined ? usualConfigs : [config]
  for (const path of paths) {
    const text = await readText(path, runtime)
    if (text !== undefined) return { path, settings: parseSettings(text, path) }
  }
  throw new AppError('ERR_DEPLOY_BROKEN_BEFORE', `there is no ${printable(paths.join(' or '))}`, {
    hint: 'say where the configuration of vsftpd is with config: FILE',
  })
}

/** It has no test of its own, and a restart with a mistake would be its end. */
async function whyRefused(
  code: 'ERR_DEPLOY' | 'ERR_DEPLOY_BROKEN_BEFORE',
  { path, settings }: Found,
  { runtime }: Situation,
): Promise<AppError | undefined> {
  if (settings.mistake !== undefined)
    return new AppError(
      code,
      `vsftpd would not start with its configuration: ${printable(settings.mistake)}`,
      {
        hint: 'repair it; a process that runs goes on with what it has loaded',
      },
    )
  const reader = { server: 'vsftpd', effect: 'would not start again' }
  return await badPair(code, vsftpdPlaces(settings, path), reader, runtime)
}
