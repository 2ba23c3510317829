/** What installing or uninstalling would change: nothing is changed yet. */
import { textOfBytes } from '../../base/byte-text.ts'
import { AppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { DeployableCertificate } from '../../contracts/deployer.ts'
import type { Installer, InstallPlan, InstallWishes } from '../../contracts/installer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { InstallRecord } from '../store/installs.ts'
import { changesOf, editedFiles, type FileChange, pathsToRead, withoutRecordedEdits } from './changes.ts'

/** Everything that carrying it out needs. */
export type PreparedInstall = {
  readonly changes: readonly FileChange[]
  readonly earlier: InstallRecord | undefined
  /** What is to be on record in the end; nothing after uninstalling. */
  readonly record: InstallRecord | undefined
  readonly ownDirectory: string
  readonly notes: readonly string[]
  /** What the server complained of before. */
  readonly warnings: readonly string[]
}

/** Larger than any that is written by hand. */
const maxFileBytes = 64 * 1024 * 1024

/**
 * Asks an installer what to edit, and compares that with what was edited before.
 * @throws AppError as the installer does; ERR_DEPLOY where a file cannot be read
 */
export async function prepareInstall(
  installer: Installer,
  certificate: DeployableCertificate,
  {
    earlier,
    wishes,
    signal,
  }: {
    readonly earlier: InstallRecord | undefined
    readonly wishes: InstallWishes
    readonly signal: AbortSignal
  },
  runtime: Pick<Runtime, 'files'>,
): Promise<PreparedInstall> {
  const changedSince = new Set<string>()
  const plan = await installer.plan(certificate, {
    wishes,
    withoutEdits: (path, text) => {
      const { text: base, lost } = withoutRecordedEdits(path, text, earlier)
      if (lost.length > 0) changedSince.add(path)
      return base
    },
    signal,
  })
  const present = await readTexts(pathsToRead(plan, earlier), runtime)
  const { redirect, hstsSeconds, serverNames, httpsPort, profile } = wishes
  return {
    changes: changesOf(plan, earlier, present),
    earlier,
    record: {
      phase: 'done',
      files: editedFiles(plan),
      ownFiles: plan.ownFiles.map(({ path }) => path),
      ownDirectory: plan.ownDirectory,
      ...{ redirect, serverNames, httpsPort, profile, addedTarget: earlier?.addedTarget ?? false },
      ...(hstsSeconds !== undefined && { hstsSeconds }),
    },
    ownDirectory: plan.ownDirectory,
    notes: [
      ...plan.notes,
      ...[...changedSince].map(
        path =>
          `${printable(path)}: lines that were added here have been changed since, and are left as they are`,
      ),
    ],
    warnings: plan.warnings,
  }
}

/**
 * Looks how to take everything back.
 * @throws AppError ERR_DEPLOY where lines of ours were changed since, with file and line
 */
export async function prepareUninstall(
  installer: Installer,
  {
    name,
    earlier,
    signal,
  }: { readonly name: string; readonly earlier: InstallRecord; readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'files'>,
): Promise<PreparedInstall> {
  const nothing: Pick<InstallPlan, 'files' | 'ownFiles'> = { files: [], ownFiles: [] }
  const present = await readTexts(pathsToRead(nothing, earlier), runtime)
  const problems = earlier.files.flatMap(({ path }) => {
    const text = present.get(path)
    const lost = text === undefined ? [] : withoutRecordedEdits(path, text, earlier).lost
    return lost.map(
      ({ inserted, removed }) =>
        `${printable(path)} was edited since, and this is not found as it was written:\n${indented(inserted === '' ? `(without) ${removed}` : inserted)}`,
    )
  })
  if (problems.length > 0) {
    throw new AppError('ERR_DEPLOY', [...new Set(problems)].join('\n'), {
      hint: `take the lines out yourself (look for "certwright: ${name}"), then run: certwright uninstall ${installer.name} ${name} --forget; nothing was changed`,
    })
  }
  return {
    changes: changesOf(nothing, earlier, present),
    earlier,
    record: undefined,
    ownDirectory: earlier.ownDirectory,
    notes: [...present].flatMap(([path, text]) =>
      text === undefined && earlier.files.some(file => file.path === path)
        ? [`${printable(path)} is gone, and what was edited in it`]
        : [],
    ),
    warnings: await installer.warnings({ signal }),
  }
}

function indented(text: string): string {
  return text
    .trim()
    .split('\n')
    .map(line => `    ${printable(line.trim(), 300)}`)
    .join('\n')
}

/** The texts of files; a missing one is `undefined`. */
export async function readTexts(
  paths: Iterable<string>,
  { files }: Pick<Runtime, 'files'>,
): Promise<ReadonlyMap<string, string | undefined>> {
  const texts = new Map<string, string | undefined>()
  for (const path of paths) {
    const bytes = await files.read(path, { maxBytes: maxFileBytes }).catch((cause: unknown) => {
      throw new AppError('ERR_DEPLOY', `cannot read ${printable(path)}: ${messageOf(cause)}`, {
        hint: 'run this as root, as the server is started',
        cause,
      })
    })
    texts.set(path, bytes === undefined ? undefined : textOfBytes(bytes).text)
  }
  return texts
}
