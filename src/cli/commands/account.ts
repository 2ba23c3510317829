/** `certwright account ...`. */
import { resolve } from 'node:path'
import type { Account } from '../../acme/account.ts'
import { AppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { ensureAccount, type UsableAccount } from '../../manage/execute/account.ts'
import type { AccountSettings, Authority } from '../../manage/spec.ts'
import {
  readAccount,
  readAccountKey,
  restoreAccount,
  retireAccount,
  type StoredAccount,
  settleNextKey,
  storedAccounts,
  writeAccount,
  writeAccountKey,
} from '../../manage/store/accounts.ts'
import { takeLock } from '../../manage/store/locks.ts'
import { accountPath } from '../../manage/store/paths.ts'
import { createSigner, generateAccountKey, privateKeyPem, type Signer } from '../../x509/key.ts'
import type { SignatureAlgorithm } from '../../x509/key-types.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { confirm } from '../confirm.ts'
import { storedAuthority } from '../stored.ts'
import { createWorkbench, loadCommandConfig, type Workbench, withAccountSettings } from '../workbench.ts'

type Args = { readonly args: readonly string[] }

/**
 * Prints what is stored and what the CA says: of the account at the CA that `--authority` names, else of the one at the
 * configured CA, or of the first there is. Then what is stored of accounts at other CAs, which are not asked.
 */
export async function showAccount(context: CommandContext): Promise<CommandResult> {
  const config = await loadCommandConfig(context)
  await using bench = createWorkbench(context, config)
  const stored = context.authority === undefined ? await storedAccounts(context.state, context.runtime) : []
  const [first, ...others] = stored.toSorted(
    (one, other) => Number(other.id === config.authority.id) - Number(one.id === config.authority.id),
  )
  const authority =
    first === undefined || first.id === config.authority.id
      ? config.authority
      : storedAuthority(first, config)
  const shown = await showAt({ bench, authority }, context)
  if (others.length === 0) return shown
  return {
    exitCode: shown.exitCode,
    text: [shown.text, ...others.map(otherText)].join('\n'),
    json: { ...(shown.json as object), others: others.map(otherJson) },
  }
}

function showAt(opened: Opened, context: CommandContext): Promise<CommandResult> {
  return underLock(opened, context, 'look at the account', async ({ bench, authority }) => {
    const { stored, signer } = await storedAccount(authority, context)
    if (stored.deactivatedAt !== undefined) {
      const account: Account = { url: stored.url, status: 'deactivated', contact: stored.contact }
      return result(authority, stored, account, signer, context)
    }
    const client = await bench.clientFor(authority)
    const account = await client.readAccount({ url: stored.url, signer }, { signal: context.signal })
    return result(authority, stored, account, signer, context)
  })
}

type AccountElsewhere = Awaited<ReturnType<typeof storedAccounts>>[number]

function otherText({ id, directory, url, contact, registeredAt, deactivatedAt }: AccountElsewhere): string {
  return lines([
    ['authority', `${id} (${printable(directory)})`],
    ['account', printable(url)],
    [
      'status',
      deactivatedAt === undefined ? `not asked for: --authority ${printable(directory)}` : 'deactivated',
    ],
    ['contact', contactText(contact)],
    ['registered', formatInstant(registeredAt)],
  ])
}

function otherJson({ id, directory, url, contact, registeredAt }: AccountElsewhere): object {
  return { authority: id, directory, url, contact, registeredAt: formatInstant(registeredAt) }
}

export type RegisterFlags = Args & {
  readonly email?: string
  readonly agreeTerms?: boolean
  readonly key?: SignatureAlgorithm
  readonly eabKeyId?: string
  readonly eabHmacFile?: string
  readonly new?: boolean
}

/** Registers an account, or says that there is one. */
export async function registerAccountCommand(
  context: CommandContext,
  flags: RegisterFlags,
): Promise<CommandResult> {
  if ((flags.eabKeyId === undefined) !== (flags.eabHmacFile === undefined)) {
    throw new AppError('ERR_USAGE', '--eab-key-id and --eab-hmac-file go together', {
      hint: 'the CA shows both where it lets you make a key for ACME',
    })
  }
  const { bench, authority } = await open(context, settings => ({
    ...settings,
    ...(flags.email !== undefined && { email: flags.email }),
    ...(flags.agreeTerms === true && { agreeToTerms: true }),
    ...(flags.key !== undefined && { keyAlgorithm: flags.key }),
    ...(flags.eabKeyId !== undefined &&
      flags.eabHmacFile !== undefined && {
        externalAccount: {
          keyId: flags.eabKeyId,
          hmacKey: { file: resolve(flags.eabHmacFile) },
          algorithm: 'HS256' as const,
        },
      }),
  }))
  await using _bench = bench
  const { key, stored } = await (flags.new === true
    ? registerAnew({ bench, authority }, context)
    : bench.manager.account(authority, context))
  const account = await (await bench.clientFor(authority)).readAccount(key, { signal: context.signal })
  return result(authority, stored, account, key.signer, context)
}

/** The account that there is makes room for another one, and comes back where that one is refused. */
async function registerAnew(
  { bench, authority }: Opened,
  { state, runtime, signal }: CommandContext,
): Promise<UsableAccount> {
  const locked = async <T>(work: () => Promise<T>): Promise<T> => {
    await using _lock = await takeLock(
      state,
      `account-${authority.id}`,
      { about: 'put the account aside', signal },
      runtime,
    )
    return await work()
  }
  const retired = await locked(async () =>
    (await readAccount(state, authority.id, runtime)) === undefined
      ? undefined
      : await retireAccount(state, authority.id, runtime),
  )
  try {
    return await bench.manager.account(authority, { signal })
  } catch (error) {
    if (retired !== undefined) await locked(() => restoreAccount(state, authority.id, retired, runtime))
    throw error
  }
}

/** Changes the contact. */
export async function updateAccount(
  context: CommandContext,
  { email }: Args & { readonly email: string },
): Promise<CommandResult> {
  return withLock(context, 'update the account', async ({ bench, authority }) => {
    const { stored, signer } = await storedAccount(authority, context)
    const contact = [`mailto:${email}`]
    const client = await bench.clientFor(authority)
    const account = await client.updateAccount(
      { url: stored.url, signer },
      { contact },
      { signal: context.signal },
    )
    const updated = { ...stored, contact: account.contact.length > 0 ? account.contact : contact }
    await writeAccount(context.state, authority.id, updated, context.runtime)
    return result(authority, updated, account, signer, context)
  })
}

/** Replaces the account key. The new one is on disk before the CA hears of it; a crash in between is settled later. */
export async function rolloverAccount(
  context: CommandContext,
  { key }: Args & { readonly key?: SignatureAlgorithm },
): Promise<CommandResult> {
  return withLock(context, 'roll the account key over', async ({ bench, authority }) => {
    const { state, runtime, signal } = context
    const { stored, signer } = await storedAccount(authority, context)
    const client = await bench.clientFor(authority)
    const next = await generateAccountKey(key ?? signer.algorithm)
    await settleNextKey(state, authority.id, false, runtime)
    await writeAccountKey(state, authority.id, 'next', privateKeyPem(next), runtime)
    const nextSigner = createSigner(next)
    await client.rolloverKey({ url: stored.url, signer }, nextSigner, { signal })
    const account = await client.readAccount({ url: stored.url, signer: nextSigner }, { signal })
    await settleNextKey(state, authority.id, true, runtime)
    return result(authority, stored, account, nextSigner, context)
  })
}

/** Ends the account at the CA. Certificates stay valid; the key is put aside. */
export async function deactivateAccount(
  context: CommandContext,
  { yes }: Args & { readonly yes?: boolean },
): Promise<CommandResult> {
  return withLock(context, 'deactivate the account', async ({ bench, authority }) => {
    const { stored, signer } = await storedAccount(authority, context)
    await confirm(`Deactivate the account ${stored.url}? It cannot be used again.`, yes, context)
    const client = await bench.clientFor(authority)
    await client.deactivateAccount({ url: stored.url, signer }, { signal: context.signal })
    const ended = { ...stored, deactivatedAt: context.runtime.clock.now() }
    await writeAccount(context.state, authority.id, ended, context.runtime)
    const account: Account = { url: stored.url, status: 'deactivated', contact: stored.contact }
    return result(authority, ended, account, signer, context)
  })
}

type Opened = { readonly bench: Workbench; readonly authority: Authority }

async function open(
  context: CommandContext,
  change = (settings: AccountSettings) => settings,
): Promise<Opened> {
  const config = withAccountSettings(await loadCommandConfig(context), change)
  return { bench: createWorkbench(context, config), authority: config.authority }
}

async function withLock(
  context: CommandContext,
  about: string,
  work: (opened: Opened) => Promise<CommandResult>,
): Promise<CommandResult> {
  const opened = await open(context)
  await using _bench = opened.bench
  return await underLock(opened, context, about, work)
}

async function underLock(
  opened: Opened,
  context: CommandContext,
  about: string,
  work: (opened: Opened) => Promise<CommandResult>,
): Promise<CommandResult> {
  await storedAccount(opened.authority, context) // without one there is nothing to lock
  const { state, runtime, signal } = context
  await using _lock = await takeLock(state, `account-${opened.authority.id}`, { about, signal }, runtime)
  await settleAccount(opened, context)
  return await work(opened)
}

// An interrupted rollover is settled, and the account of a CA that moved is found again, before anything is done with it. The
// caller holds the lock: a rollover that somebody else has just begun is not an interrupted one.
async function settleAccount(
  { bench, authority }: Opened,
  { state, runtime, signal }: CommandContext,
): Promise<void> {
  const stored = await readAccount(state, authority.id, runtime)
  if (stored === undefined || stored.deactivatedAt !== undefined) return
  const client = await bench.clientFor(authority)
  await ensureAccount(
    state,
    authority,
    client,
    { settings: authority.account ?? bench.config.account, signal },
    runtime,
  )
}

async function storedAccount(
  authority: Authority,
  { state, runtime }: CommandContext,
): Promise<{ readonly stored: StoredAccount; readonly signer: Signer }> {
  const stored = await readAccount(state, authority.id, runtime)
  const signer = await readAccountKey(state, authority.id, 'current', runtime)
  if (stored !== undefined && signer !== undefined) return { stored, signer }
  const elsewhere = (await storedAccounts(state, runtime)).map(({ directory }) => directory)
  const register = 'certwright account register --email ADDRESS --agree-terms'
  throw new AppError('ERR_ACCOUNT', `there is no account at ${authority.id}`, {
    hint:
      elsewhere.length === 0
        ? register
        : `there is one at ${printable(elsewhere.join(', '), 500)} (--authority names the CA that is meant); else: ${register}`,
  })
}

function result(
  authority: Authority,
  stored: StoredAccount,
  account: Account,
  signer: Signer,
  { state }: CommandContext,
): CommandResult {
  const contact = account.contact.length > 0 ? account.contact : stored.contact
  const facts = [
    ['authority', `${authority.id} (${authority.directory})`],
    ['account', printable(account.url)],
    ['status', account.status],
    ['contact', contactText(contact)],
    ['key', `${signer.algorithm}, ${accountPath(state, authority.id)}/key.pem`],
    ['terms', stored.termsOfService === undefined ? 'none' : printable(stored.termsOfService)],
    ['registered', formatInstant(stored.registeredAt)],
  ] as const
  return {
    exitCode: exitCodes.done,
    text: lines(facts),
    json: {
      authority: authority.id,
      directory: authority.directory,
      url: account.url,
      status: account.status,
      contact,
      keyAlgorithm: signer.algorithm,
      termsOfService: stored.termsOfService,
      registeredAt: formatInstant(stored.registeredAt),
    },
  }
}

function lines(facts: readonly (readonly [string, string])[]): string {
  return facts.map(([key, value]) => `${key.padEnd(12)}${value}\n`).join('')
}

function contactText(contact: readonly string[]): string {
  return contact.map(uri => printable(uri, 200)).join(', ') || 'none'
}
