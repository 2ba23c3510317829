/** Stored ACME accounts: one per authority. */
import { instantSchema, type Url, urlSchema } from '../../acme/wire.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { v } from '../../base/schema.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { createSigner, parsePrivateKeyPem, type Signer } from '../../x509/key.ts'
import { corrupt, readDocument, storeStep, writeDocument } from './documents.ts'
import { accountPath, accountsPath, privateFileMode, stateDirectoryMode } from './paths.ts'

/** Facts about an account that is registered at an authority. */
export type StoredAccount = {
  readonly directory: string
  readonly url: Url
  readonly contact: readonly string[]
  /** The terms that were agreed to, by their URL. */
  readonly termsOfService?: string
  readonly registeredAt: Instant
  readonly deactivatedAt?: Instant
}

const accountSchema = v.object({
  directory: v.string(),
  url: urlSchema,
  contact: v.array(v.string()),
  termsOfService: v.optional(v.string()),
  registeredAt: instantSchema,
  deactivatedAt: v.optional(instantSchema),
}) as v.GenericSchema<unknown, StoredAccount> // absent members stay absent

/** The key files of an account: `next` exists only while a rollover is under way. */
export type AccountKeySlot = 'current' | 'next'

const keyFile = (state: string, authority: string, slot: AccountKeySlot) =>
  `${accountPath(state, authority)}/${slot === 'current' ? 'key.pem' : 'next-key.pem'}`

/** The account at an authority, if one was registered. */
export function readAccount(
  state: string,
  authority: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<StoredAccount | undefined> {
  return readDocument(`${accountPath(state, authority)}/account.json`, accountSchema, files)
}

/** Every stored account, with the id of its authority; in the order of the ids. */
export async function storedAccounts(
  state: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly (StoredAccount & { readonly id: string })[]> {
  const directory = accountsPath(state)
  const found: (StoredAccount & { readonly id: string })[] = []
  for (const id of await storeStep(`list ${directory}`, () => files.list(directory))) {
    const account = await readAccount(state, id, { files })
    if (account !== undefined) found.push({ id, ...account })
  }
  return found
}

/** Writes the facts of an account. */
export async function writeAccount(
  state: string,
  authority: string,
  { registeredAt, deactivatedAt, ...account }: StoredAccount,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const json = {
    ...account,
    registeredAt: formatInstant(registeredAt),
    ...(deactivatedAt !== undefined && { deactivatedAt: formatInstant(deactivatedAt) }),
  }
  await writeDocument(`${accountPath(state, authority)}/account.json`, json, files)
}

/**
 * A key of an account, if it is there.
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT
 */
export async function readAccountKey(
  state: string,
  authority: string,
  slot: AccountKeySlot,
  { files }: Pick<Runtime, 'files'>,
): Promise<Signer | undefined> {
  const path = keyFile(state, authority, slot)
  const content = await storeStep(`read ${path}`, () => files.read(path))
  if (content === undefined) return undefined
  try {
    return createSigner(parsePrivateKeyPem(new TextDecoder().decode(content)))
  } catch {
    throw corrupt(path, 'it holds no account key') // the cause may quote key material
  }
}

/** Writes a key that must not exist yet. It is durable before the CA hears of it. */
export async function writeAccountKey(
  state: string,
  authority: string,
  slot: AccountKeySlot,
  pem: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  await storeStep(`write the account key for ${authority}`, async () => {
    await files.makeDirectory(accountPath(state, authority), stateDirectoryMode)
    await files.writeNew(keyFile(state, authority, slot), pem, privateFileMode)
  })
}

/** Ends a rollover: the next key becomes the current one (`keep`), or is thrown away. */
export async function settleNextKey(
  state: string,
  authority: string,
  keep: boolean,
  { files }: Pick<Runtime, 'files'>,
): Promise<void> {
  const next = keyFile(state, authority, 'next')
  await storeStep(`settle the account key for ${authority}`, async () => {
    if (!keep) return files.remove(next)
    const content = await files.read(next)
    if (content !== undefined)
      await files.replace(keyFile(state, authority, 'current'), content, privateFileMode)
    return files.remove(next)
  })
}

/**
 * Moves an account that is of no use any more out of the way; its key is kept.
 * @returns where it lies now, for {@link restoreAccount}
 */
export async function retireAccount(
  state: string,
  authority: string,
  { files, random }: Pick<Runtime, 'files' | 'random'>,
): Promise<string> {
  const from = accountPath(state, authority)
  const to = `${state}/retired-accounts/${authority}-${random.id(6)}`
  await storeStep(`move ${from} away`, async () => {
    await files.makeDirectory(`${state}/retired-accounts`, stateDirectoryMode)
    await files.rename(from, to)
  })
  return to
}

/** Puts a retired account back, unless another one has been registered since. The key of a failed attempt is kept. */
export async function restoreAccount(
  state: string,
  authority: string,
  retired: string,
  runtime: Pick<Runtime, 'files' | 'random'>,
): Promise<void> {
  if ((await readAccount(state, authority, runtime)) !== undefined) return
  const path = accountPath(state, authority)
  await storeStep(`move ${retired} back`, async () => {
    if ((await runtime.files.facts(path)) !== undefined) await retireAccount(state, authority, runtime)
    await runtime.files.rename(retired, path)
  })
}
