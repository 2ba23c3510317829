/**
 * Changing the configuration of a server: write, test, reload, look at every endpoint; and every byte goes back where one
 * of these fails.
 */
import { bytesOfText, textOfBytes } from '../../base/byte-text.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { DeployableCertificate, Deployer } from '../../contracts/deployer.ts'
import type { Installer } from '../../contracts/installer.ts'
import type { FileFacts } from '../../runtime/files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { PreparedFiles, TargetFile } from '../../runtime/target-files.ts'
import { inspectTarget } from '../deployable.ts'
import type { OnEvent } from '../events.ts'
import { describeMissing, probeUntilServed } from '../execute/served.ts'
import type { EndpointResult } from '../observe/endpoint-result.ts'
import type { CertificateSpec } from '../spec.ts'
import { type InstallRecord, writeInstall } from '../store/installs.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { type FileChange, withoutRecordedEdits } from './changes.ts'
import { type PreparedInstall, readTexts } from './prepare.ts'

export type CarryOutOptions = {
  readonly state: string
  readonly spec: CertificateSpec
  readonly installer: Installer
  readonly deployer: Deployer
  /** What endpoints must show; nothing is looked at where it is absent. */
  readonly shows?: { readonly certificate: StoredCertificate; readonly deployable: DeployableCertificate }
  readonly servedWithinMs?: number
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

type InstallRuntime = Pick<Runtime, 'files' | 'targetFiles' | 'clock' | 'probeTls' | 'resolver'>

/** What was seen after it. */
export type Installed = { readonly endpoints: readonly EndpointResult[]; readonly notes: readonly string[] }

const newFileMode = 0o644

/**
 * Carries a prepared change out.
 * @throws AppError with the reason; every file is as before then, and the server was told so; but for what fails after the change
 * was seen to be good, which stays, for the next run to put in order. ERR_STORE
 */
export async function carryOut(
  prepared: PreparedInstall,
  options: CarryOutOptions,
  runtime: InstallRuntime,
): Promise<Installed> {
  const { state, spec, installer } = options
  const { earlier, record, changes, ownDirectory } = prepared
  const key = { server: installer.name, name: spec.name }
  await refuseIfChanged(changes, runtime)
  const hadDirectory = (await runtime.files.facts(ownDirectory)) !== undefined
  const written = await prepareFiles(prepared, runtime)
  let isProven = false
  try {
    await writeInstall(state, key, applying(record ?? earlier, earlier), runtime)
    await written.commit()
    const installed = await activate(prepared, options, runtime)
    isProven = true
    await written.keep()
    await removeOwnFiles(prepared, runtime)
    await writeInstall(state, key, record, runtime)
    return installed
  } catch (error) {
    if (isProven) throw unfinished(error, installer.name)
    const outcome = await putBack(written, options)
    if (!hadDirectory) await removeIfEmpty(ownDirectory, runtime)
    if (outcome.isBack) await writeInstall(state, key, earlier, runtime)
    throw explained(error, outcome, installer.name)
  }
}

/**
 * Puts the files back that an interrupted run has changed, without a word to the server: whatever follows tells it.
 * @throws AppError ERR_DEPLOY
 */
export async function putInterruptedBack(
  record: InstallRecord,
  runtime: Pick<Runtime, 'files' | 'targetFiles'>,
): Promise<void> {
  const texts = await readTexts(new Set(record.files.map(({ path }) => path)), runtime)
  const changes = [...texts].flatMap(([path, before]): readonly FileChange[] =>
    before === undefined ? [] : [{ path, before, after: withoutRecordedEdits(path, before, record).text }],
  )
  const written = await runtime.targetFiles.prepare(await targetFiles(changes, runtime))
  await written.commit()
  await written.keep()
}

/** By all entries of the new and of the old record it is known how each file was before, whenever this process ends. */
function applying(
  record: InstallRecord | undefined,
  earlier: InstallRecord | undefined,
): InstallRecord | undefined {
  if (record === undefined) return undefined
  const older = earlier === record ? undefined : earlier
  return {
    ...record,
    phase: 'applying',
    files: [...record.files, ...(older?.files ?? [])],
    ownFiles: [...new Set([...record.ownFiles, ...(older?.ownFiles ?? [])])],
  }
}

async function refuseIfChanged(
  changes: readonly FileChange[],
  runtime: Pick<Runtime, 'files'>,
): Promise<void> {
  const present = await readTexts(
    changes.map(({ path }) => path),
    runtime,
  )
  const changed = changes.find(({ path, before }) => present.get(path) !== before)
  if (changed === undefined) return
  throw new AppError(
    'ERR_DEPLOY',
    `${printable(changed.path)} was changed by somebody while this was shown`,
    {
      hint: 'run the command again; nothing was changed',
    },
  )
}

async function prepareFiles(
  { changes, ownDirectory, record }: PreparedInstall,
  runtime: InstallRuntime,
): Promise<PreparedFiles> {
  const files = await targetFiles(changes, runtime)
  const makes = record !== undefined && record.ownFiles.length > 0
  return await runtime.targetFiles.prepare(files, makes ? { makeDirectory: ownDirectory } : {})
}

/** New files first: what includes them must not be there before them. */
async function targetFiles(
  changes: readonly FileChange[],
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly TargetFile[]> {
  const wanted: TargetFile[] = []
  for (const { path, before, after } of changes.toSorted((one, other) => order(one) - order(other))) {
    if (after === undefined) continue
    const facts = before === undefined ? undefined : await files.facts(path)
    const bytes =
      facts === undefined ? undefined : await files.read(path, { maxBytes: Number.MAX_SAFE_INTEGER })
    const isUtf8 = bytes === undefined || textOfBytes(bytes).isUtf8
    wanted.push({ path, content: bytesOfText(after, { isUtf8 }), ...ownership(facts) })
  }
  return wanted
}

function order({ before }: FileChange): number {
  return before === undefined ? 0 : 1
}

function ownership(facts: FileFacts | undefined): Pick<TargetFile, 'mode' | 'uid' | 'gid'> {
  return facts === undefined
    ? { mode: newFileMode }
    : { mode: facts.mode & 0o7777, uid: facts.uid, gid: facts.gid }
}

async function activate(
  { warnings }: PreparedInstall,
  options: CarryOutOptions,
  runtime: InstallRuntime,
): Promise<Installed> {
  const { spec, installer, deployer, shows, onEvent, signal } = options
  const step = (text: string) => onEvent({ certificate: spec.name, step: 'deploying', level: 'step', text })
  step(`testing the configuration of ${installer.name}`)
  const inspection = shows && (await inspectTarget(deployer, shows.deployable, { signal }))
  if (inspection !== undefined && inspection.state !== 'ready') throw inspection.error
  const fresh = (await installer.warnings({ signal })).filter(text => !warnings.includes(text))
  if (fresh.length > 0) {
    throw new AppError(
      'ERR_DEPLOY',
      `the edited configuration has a fault that the earlier one did not have: ${fresh.join('; ')}`,
      {
        hint: 'put it in order, or install by hand: certwright tls snippet',
      },
    )
  }
  step(`reloading ${installer.name}`)
  await deployer.activate({ signal })
  if (shows === undefined || inspection === undefined) return { endpoints: [], notes: [] }
  if (inspection.endpoints.length === 0) {
    throw new AppError(
      'ERR_NOT_SERVED',
      `${installer.name} was reloaded, but no endpoint of it can be asked for the certificate`,
      {
        hint: inspection.notes[0],
      },
    )
  }
  const { certificate } = shows
  const endpoints = await probeUntilServed(inspection.endpoints, { ...options, certificate }, runtime)
  const missing = endpoints.filter(({ fingerprint }) => fingerprint !== certificate.fingerprint)
  if (missing.length > 0) {
    throw new AppError(
      'ERR_NOT_SERVED',
      `${installer.name} was reloaded, but does not serve the certificate\n${missing.map(describeMissing).join('\n')}`,
      { hint: `look at the log of ${installer.name}` },
    )
  }
  return { endpoints, notes: inspection.notes }
}

/** Whether the files are as they were, and what else went wrong. */
type PutBack = { readonly isBack: boolean; readonly problems: readonly string[] }

async function putBack(
  written: PreparedFiles,
  { spec, deployer, onEvent }: CarryOutOptions,
): Promise<PutBack> {
  const { signal } = new AbortController() // also after the person has stopped it
  onEvent({ certificate: spec.name, step: 'deploying', level: 'warning', text: 'putting every file back' })
  try {
    await written.undo()
  } catch (error) {
    return { isBack: false, problems: [messageOf(error)] }
  }
  const failed = await deployer.activate({ signal }).catch((error: unknown) => messageOf(error))
  return { isBack: true, problems: typeof failed === 'string' ? [failed] : [] }
}

/** The earlier files may be gone already: taking the new ones away would leave an include without its file. */
function unfinished(error: unknown, server: string): unknown {
  if (!isAppError(error)) return error
  const { code, hint, cause = error } = error
  const text = `${error.message}\n${server} was changed and runs with that, but what is left to do could not be done; the next run does it`
  return new AppError(code, text, { hint, cause })
}

function explained(error: unknown, { isBack, problems }: PutBack, server: string): unknown {
  if (!isAppError(error)) return error
  const { code, hint, cause = error } = error
  const reasons = problems.join('; ')
  const outcome = !isBack
    ? `not every file could be put back, the next run tries again: ${reasons}`
    : problems.length > 0
      ? `every file is as it was before, but ${server} could not be told so: ${reasons}`
      : `every file is as it was before, and ${server} was reloaded with that`
  return new AppError(code, `${error.message}\n${outcome}`, { hint, cause })
}

async function removeOwnFiles(
  { changes, ownDirectory }: PreparedInstall,
  runtime: Pick<Runtime, 'files'>,
): Promise<void> {
  const gone = changes.filter(({ after }) => after === undefined)
  for (const { path } of gone) await runtime.files.remove(path)
  if (gone.length > 0) await removeIfEmpty(ownDirectory, runtime)
}

/** What a run that was killed had made ready there is nobody's. */
async function removeIfEmpty(directory: string, { files }: Pick<Runtime, 'files'>): Promise<void> {
  const names = await files.list(directory)
  if (names.every(name => name.startsWith('.certwright-'))) await files.remove(directory)
}
