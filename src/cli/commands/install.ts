/** `certwright install SERVER NAME` and `certwright uninstall SERVER NAME`. */
import { resolve } from 'node:path'
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { suggest } from '../../base/suggest.ts'
import type { InstallWishes } from '../../contracts/installer.ts'
import type { HstsStep } from '../../harden/hsts.ts'
import { hstsSteps } from '../../harden/hsts.ts'
import { takeTurn } from '../../manage/delivering.ts'
import { deployableOf } from '../../manage/deployable.ts'
import { carryOut, type Installed, putInterruptedBack } from '../../manage/install/carry-out.ts'
import { type PreparedInstall, prepareInstall, prepareUninstall } from '../../manage/install/prepare.ts'
import { forgetDelivery, rememberDelivery } from '../../manage/install/remember.ts'
import { endpointName } from '../../manage/observe/endpoint-result.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import type { CertificateSpec, DeployTarget } from '../../manage/spec.ts'
import { type InstallRecord, readInstall, writeInstall } from '../../manage/store/installs.ts'
import { takeLock } from '../../manage/store/locks.ts'
import { createInstaller, installerNames } from '../../plugins/registry.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { confirm } from '../confirm.ts'
import { diffOf, diffText } from '../diff-text.ts'
import { addTarget, removeTarget } from '../entry-targets.ts'
import { styled } from '../text.ts'
import { createWorkbench, findSpec, loadCommandConfig, type Workbench } from '../workbench.ts'

export type InstallFlags = {
  readonly args: readonly string[]
  readonly redirect?: boolean
  readonly hsts?: HstsStep | boolean
  readonly profile?: InstallWishes['profile']
  readonly serverName?: readonly string[]
  readonly httpsPort?: number
  readonly serverConfig?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

const usualPorts = { http: 80, https: 443 } as const
/** Where the ramp of HSTS begins. */
const firstHstsStep: HstsStep = '5m'

/** Edits the configuration of a server so that it uses a certificate; everything goes back where that fails. */
export async function install(context: CommandContext, flags: InstallFlags): Promise<CommandResult> {
  await using work = await begin(context, flags)
  const { server, spec, bench, target } = work
  const stored = newest(await observeCertificate(context.state, spec.name, context.runtime))
  if (stored === undefined) {
    throw new AppError('ERR_NOT_FOUND', `${spec.name} has no certificate yet`, {
      hint: `issue it first: certwright apply --only ${spec.name}`,
    })
  }
  const deployable = deployableOf(context.state, spec, stored)
  const { installer, deployer } = await toolsFor(target, bench)
  const earlier = work.record
  const prepared = await prepareInstall(
    installer,
    deployable,
    { earlier, wishes: wishesOf(flags, spec, earlier), signal: context.signal },
    context.runtime,
  )
  const isDone = prepared.changes.length === 0 && earlier?.phase !== 'applying'
  if (isDone || flags.dryRun === true) return outcome(prepared, { ...work, context, what: 'installed' })
  await review(prepared, `Change ${server} like this, test it and reload it?`, flags, context)
  // A renewal in between would be taken for a reload without effect.
  const about = { about: `install ${spec.name} into ${server}`, signal: context.signal }
  await using _lock = await takeLock(context.state, `certificate-${spec.name}`, about, context.runtime)
  const certificate = newest(await observeCertificate(context.state, spec.name, context.runtime)) ?? stored
  const shows = { certificate, deployable: deployableOf(context.state, spec, certificate) }
  const options = { ...context, spec, installer, deployer, shows }
  await using _turn = await takeTurn(context.state, about, context.runtime) // no reload while files are half edited
  const installed = await carryOut(prepared, options, bench.runtime)
  const { endpoints } = installed
  await rememberDelivery(context.state, { spec, target, certificate, endpoints }, context.runtime)
  const added = await addTarget(spec, target, context)
  const { record } = prepared
  if (record !== undefined) {
    const { config } = target.options
    const more = {
      addedTarget: added.done || record.addedTarget,
      ...(typeof config === 'string' && { config }),
    }
    await writeInstall(context.state, { server, name: spec.name }, { ...record, ...more }, context.runtime)
  }
  return outcome(prepared, { ...work, context, what: 'installed', installed, remarks: added.remarks })
}

/** Takes back what `install` has edited. */
export async function uninstall(
  context: CommandContext,
  flags: InstallFlags & { readonly forget?: boolean },
): Promise<CommandResult> {
  await using work = await begin(context, flags)
  const { server, spec, bench, target, record } = work
  if (record === undefined) {
    return {
      exitCode: exitCodes.done,
      text: `${spec.name}: nothing was installed into ${server} by this Certwright, as far as ${context.state} tells; nothing to do\n`,
      json: { name: spec.name, server, changed: false, files: [] },
    }
  }
  const { installer, deployer } = await toolsFor(target, bench)
  if (flags.forget === true) {
    await confirm(
      `Forget what was edited in ${server} for ${spec.name}, without touching a file?`,
      flags.yes,
      context,
    )
    await writeInstall(context.state, { server, name: spec.name }, undefined, context.runtime)
    return {
      exitCode: exitCodes.done,
      text: `${spec.name}: what was edited in ${server} is forgotten; files are as they were\n`,
      json: { name: spec.name, server, changed: false, files: [] },
    }
  }
  const options = { name: spec.name, earlier: record, signal: context.signal }
  const prepared = await prepareUninstall(installer, options, context.runtime)
  if (flags.dryRun === true) return outcome(prepared, { ...work, context, what: 'uninstalled' })
  await review(prepared, `Take this out of ${server}, test it and reload it?`, flags, context)
  const about = { about: `take ${spec.name} out of ${server}`, signal: context.signal }
  await using _turn = await takeTurn(context.state, about, context.runtime)
  const installed = await carryOut(prepared, { ...context, spec, installer, deployer }, bench.runtime)
  await forgetDelivery(context.state, { spec, target }, context.runtime)
  const remarks = record.addedTarget
    ? await removeTarget(spec, target, context)
    : spec.deploy.some(({ name }) => name === server)
      ? [
          `${spec.source} still has the target ${server}: take it out, unless other lines of ${server} use the certificate`,
        ]
      : []
  return outcome(prepared, { ...work, context, what: 'uninstalled', installed, remarks })
}

type Work = AsyncDisposable & {
  readonly server: string
  readonly spec: CertificateSpec
  readonly bench: Workbench
  readonly target: DeployTarget
  readonly record: InstallRecord | undefined
}

/** Everything that both commands begin with; one of them at a time works on a server. */
async function begin(context: CommandContext, flags: InstallFlags): Promise<Work> {
  const { state, signal, runtime } = context
  const [server = '', name = ''] = flags.args
  if (!installerNames.includes(server)) {
    const near = suggest(server, installerNames)
    throw new AppError('ERR_USAGE', `the configuration of "${printable(server, 80)}" cannot be edited`, {
      hint:
        near === undefined
          ? `there are: ${installerNames.join(', ')}; other servers are given certificates by deploy: [SERVER] in the configuration`
          : `did you mean ${near}?`,
    })
  }
  const config = await loadCommandConfig(context)
  const spec = findSpec(config, name)
  const bench = createWorkbench(context, config)
  const about = { about: `edit the configuration of ${server} for ${spec.name}`, signal }
  const lock = await takeLock(state, `install-${server}`, about, runtime)
  const release = async () => {
    await lock[Symbol.asyncDispose]()
    await bench[Symbol.asyncDispose]()
  }
  try {
    const record = await readInstall(state, { server, name: spec.name }, runtime)
    if (record?.phase === 'applying') {
      if (flags.dryRun === true) {
        throw new AppError(
          'ERR_DEPLOY',
          `an earlier run for ${spec.name} was interrupted while it changed files of ${server}`,
          {
            hint: 'run this without --dry-run: it begins by putting them back',
          },
        )
      }
      await putInterruptedBack(record, runtime)
    }
    return {
      server,
      spec,
      bench,
      target: targetOf(server, spec, flags, record),
      record,
      [Symbol.asyncDispose]: release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

function targetOf(
  name: string,
  { deploy }: CertificateSpec,
  { serverConfig }: InstallFlags,
  record: InstallRecord | undefined,
): DeployTarget {
  const known = deploy.find(target => target.name === name)?.options ?? {}
  const config = serverConfig === undefined ? (known['config'] ?? record?.config) : resolve(serverConfig)
  return { name, options: { ...known, ...(config !== undefined && { config }) } }
}

async function toolsFor(target: DeployTarget, { deployerFor, runtime }: Workbench) {
  return { installer: await createInstaller(target, runtime), deployer: await deployerFor(target) }
}

/** What was asked for now; what was not mentioned stays as it was. */
function wishesOf(
  { redirect, hsts, profile, serverName, httpsPort }: InstallFlags,
  { solvers }: CertificateSpec,
  earlier: InstallRecord | undefined,
): InstallWishes {
  const hstsSeconds =
    hsts === undefined
      ? earlier?.hstsSeconds
      : hsts === false
        ? undefined
        : hstsSteps[hsts === true ? firstHstsStep : hsts].seconds
  const options = solvers.find(({ name }) => name === 'http-01-webroot')?.options ?? {}
  const { webroot, httpPort } = options
  return {
    redirect: redirect ?? earlier?.redirect ?? false,
    ...(hstsSeconds !== undefined && { hstsSeconds }),
    profile: profile ?? earlier?.profile ?? 'intermediate',
    serverNames: serverName ?? earlier?.serverNames ?? [],
    ...(typeof webroot === 'string' && { webroot }),
    httpPort: typeof httpPort === 'number' ? httpPort : usualPorts.http,
    httpsPort: httpsPort ?? earlier?.httpsPort ?? usualPorts.https,
  }
}

async function review(
  { changes, notes }: PreparedInstall,
  question: string,
  { yes }: InstallFlags,
  context: CommandContext,
): Promise<void> {
  const { globals } = context
  if (globals.quiet !== true && globals.json !== true) {
    context.endProgress()
    const { stderr } = process
    stderr.write(diffText(changes, { color: globals.color, stream: stderr }))
    for (const note of notes) stderr.write(`note: ${note}\n`)
  }
  await confirm(question, yes, context)
}

type Outcome = {
  readonly server: string
  readonly spec: CertificateSpec
  readonly context: CommandContext
  readonly what: 'installed' | 'uninstalled'
  readonly installed?: Installed
  readonly remarks?: readonly string[]
}

function outcome(
  prepared: PreparedInstall,
  { server, spec, context, what, installed, remarks = [] }: Outcome,
): CommandResult {
  const { changes } = prepared
  const { color } = context.globals
  const notes = [...new Set([...prepared.notes, ...(installed?.notes ?? []), ...remarks])]
  const noted = notes.map(note => `  note: ${note}`)
  const seen = installed?.endpoints.map(({ endpoint }) => endpointName(endpoint)) ?? []
  const words = { installed: `installed into ${server}`, uninstalled: `taken out of ${server}` }[what]
  const dry = diffText(changes, { color, stream: process.stdout })
  const text =
    installed !== undefined
      ? [
          `${spec.name}: ${words}`,
          ...changes.map(change => `  ${change.path}: ${summary(change)}`),
          ...(seen.length === 0 ? [] : [`  ${styled(color, 'green', 'ok')}, served by ${seen.join(', ')}`]),
          ...noted,
        ]
      : changes.length === 0
        ? [`${spec.name}: nothing to do, it is ${words}`, ...noted]
        : [dry.trimEnd(), ...noted]
  return {
    exitCode: exitCodes.done,
    text: `${text.join('\n')}\n`,
    json: {
      name: spec.name,
      server,
      changed: installed !== undefined && changes.length > 0,
      files: changes.map(change => ({ path: change.path, diff: diffOf(change) })),
      endpoints: seen,
      notes,
    },
  }
}

function summary({ before, after, ...change }: PreparedInstall['changes'][number]): string {
  if (before === undefined) return 'new'
  if (after === undefined) return 'removed'
  const lines = diffOf({ before, after, ...change }).split('\n')
  const count = (sign: string) =>
    lines.filter(line => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length
  const added = count('+')
  return `${added} ${added === 1 ? 'line' : 'lines'} added, ${count('-')} removed`
}
