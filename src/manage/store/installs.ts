/** What was edited in the configuration of a server, so that it can be taken back. */
import { v } from '../../base/schema.ts'
import type { MadeEdit } from '../../base/text-edit.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { SpecName } from '../spec.ts'
import { readDocument, storeStep, writeDocument } from './documents.ts'
import { installPath, installsDirectory, stateDirectoryMode } from './paths.ts'

/** An edited file. */
export type EditedFile = {
  readonly path: string
  /** SHA-256 of the text before and after, as lower-case hex. */
  readonly before: string
  readonly after: string
  readonly edits: readonly MadeEdit[]
}

export type InstallRecord = {
  /** While it is `applying`, files may be as before or as after, by any of their entries. */
  readonly phase: 'applying' | 'done'
  readonly files: readonly EditedFile[]
  /** Files of ours. */
  readonly ownFiles: readonly string[]
  readonly ownDirectory: string
  /** What was asked for; it holds until something else is. */
  readonly redirect: boolean
  readonly hstsSeconds?: number
  readonly profile: 'modern' | 'intermediate'
  readonly serverNames: readonly string[]
  readonly httpsPort: number
  /** The entry of the certificate was given the server as a target. */
  readonly addedTarget: boolean
  /** The main file that was named. */
  readonly config?: string
}

const recordSchema = v.object({
  phase: v.picklist(['applying', 'done']),
  files: v.array(
    v.object({
      path: v.string(),
      before: v.string(),
      after: v.string(),
      edits: v.array(
        v.object({
          at: v.number(),
          removed: v.string(),
          inserted: v.string(),
          before: v.string(),
          after: v.string(),
        }),
      ),
    }),
  ),
  ownFiles: v.array(v.string()),
  ownDirectory: v.string(),
  redirect: v.boolean(),
  hstsSeconds: v.optional(v.number()),
  profile: v.picklist(['modern', 'intermediate']),
  serverNames: v.array(v.string()),
  httpsPort: v.number(),
  addedTarget: v.boolean(),
  config: v.optional(v.string()),
}) as v.GenericSchema<unknown, InstallRecord> // absent members stay absent

/** As large as a file with a thousand server blocks makes it. */
const maxRecordBytes = 16 * 1024 * 1024

/**
 * The record of a certificate at a server; `undefined` where nothing is installed.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readInstall(
  state: string,
  { server, name }: { readonly server: string; readonly name: SpecName },
  { files }: Pick<Runtime, 'files'>,
): Promise<InstallRecord | undefined> {
  return await readDocument(installPath(state, server, name), recordSchema, files, {
    maxBytes: maxRecordBytes,
  })
}

/** Writes the record; `undefined` removes it. Durable when it resolves. */
export async function writeInstall(
  state: string,
  { server, name }: { readonly server: string; readonly name: SpecName },
  record: InstallRecord | undefined,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const path = installPath(state, server, name)
  if (record === undefined) {
    await storeStep(`remove ${path}`, () => files.remove(path))
    return
  }
  await storeStep(`create ${installsDirectory(state)}`, () =>
    files.makeDirectory(installsDirectory(state), stateDirectoryMode),
  )
  await writeDocument(path, record, files)
}
