/** The account at an authority: found, or registered. */
import { isProblemError } from '../../acme/problem.ts'
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { AccountKey, AcmeClient } from '../../client/client.ts'
import { readSecret } from '../../contracts/secret.ts'
import { parseHmacKey } from '../../jose/external-account-binding.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { createSigner, generateAccountKey, privateKeyPem, type Signer } from '../../x509/key.ts'
import type { Budget } from '../limits/budget.ts'
import type { AccountSettings, Authority } from '../spec.ts'
import {
  readAccount,
  readAccountKey,
  type StoredAccount,
  settleNextKey,
  writeAccount,
  writeAccountKey,
} from '../store/accounts.ts'
import { corrupt } from '../store/documents.ts'
import { accountPath } from '../store/paths.ts'

type AccountRuntime = Pick<Runtime, 'files' | 'clock' | 'random' | 'exec'> & Pick<Runtime, 'environment'>

/** An account as it is used and as it is stored. */
export type UsableAccount = { readonly key: AccountKey; readonly stored: StoredAccount }

export type EnsureAccountOptions = {
  readonly settings: AccountSettings
  /** Called before a registration. */
  readonly onRegister?: () => void
  /** Keeps registrations within the limits of the CA. */
  readonly budget?: Pick<Budget, 'account'>
  readonly signal: AbortSignal
}

/**
 * The stored account without a request, or a new one. The caller holds the account's lock.
 * @throws AppError ERR_TERMS when the CA has terms that nobody agreed to; ERR_ACCOUNT; ERR_STORE_CORRUPT when the account
 * is there and its key is lost: that never makes a new account silently
 */
export async function ensureAccount(
  state: string,
  authority: Authority,
  client: AcmeClient,
  options: EnsureAccountOptions,
  runtime: AccountRuntime,
): Promise<UsableAccount> {
  const stored = await readAccount(state, authority.id, runtime)
  const signer = await settleRollover(state, authority, client, stored, options, runtime)
  if (stored !== undefined) {
    if (signer === undefined)
      throw corrupt(accountPath(state, authority.id), 'the account is there, but its key is missing')
    if (stored.deactivatedAt !== undefined) throw deactivated(authority)
    const usable = { key: { url: stored.url, signer }, stored }
    // The CA has moved, as an embedded one does that takes another port: its account URLs are others now.
    const moved = new URL(stored.url).origin !== new URL((await client.directory(options)).newAccount).origin
    return moved ? reviveAccount(state, authority, client, usable, options, runtime) : usable
  }
  return registerAccount(state, authority, client, { ...options, signer }, runtime)
}

/**
 * Registers an account. A key that was saved by an earlier, interrupted registration is used again.
 * @throws AppError ERR_TERMS, ERR_ACCOUNT, and what the client throws
 */
export async function registerAccount(
  state: string,
  authority: Authority,
  client: AcmeClient,
  {
    settings,
    onRegister,
    budget,
    signer: saved,
    signal,
  }: EnsureAccountOptions & { readonly signer: Signer | undefined },
  runtime: AccountRuntime,
): Promise<UsableAccount> {
  const { meta } = await client.directory({ signal })
  if (meta.termsOfService !== undefined && !settings.agreeToTerms) {
    throw new AppError(
      'ERR_TERMS',
      `${authority.id} has terms of service that must be agreed to: ${printable(meta.termsOfService)}`,
      {
        hint: 'read them, then give --agree-terms, or set account: { agree-to-terms: true }',
      },
    )
  }
  const binding = settings.externalAccount
  if (meta.externalAccountRequired && binding === undefined) {
    throw new AppError(
      'ERR_ACCOUNT',
      `${authority.id} registers only accounts that are bound to one at the CA`,
      {
        hint: 'get a key id and an HMAC key there; give them with certwright account register --eab-key-id ID --eab-hmac-file FILE, or set account: { external-account: ... }',
      },
    )
  }
  const externalAccount =
    binding === undefined
      ? undefined
      : {
          keyId: binding.keyId,
          hmacKey: parseHmacKey(await readSecret(binding.hmacKey, runtime)),
          algorithm: binding.algorithm,
        }
  onRegister?.()
  const signer = saved ?? (await makeKey(state, authority, settings, runtime))
  const contact = settings.email === undefined ? [] : [`mailto:${settings.email}`]
  const request = {
    signer,
    contact,
    termsOfServiceAgreed: settings.agreeToTerms,
    ...(externalAccount && { externalAccount }),
  }
  const register = () => client.newAccount(request, { signal })
  const { account } = budget === undefined ? await register() : await budget.account(register)
  if (account.status !== 'valid') throw deactivated(authority)
  const stored: StoredAccount = {
    directory: authority.directory,
    url: account.url,
    contact: account.contact.length > 0 ? account.contact : contact, // some CAs do not echo it
    ...(meta.termsOfService !== undefined && { termsOfService: meta.termsOfService }),
    registeredAt: runtime.clock.now(),
  }
  await writeAccount(state, authority.id, stored, runtime)
  return { key: { url: account.url, signer }, stored }
}

/**
 * Registers the stored key again where the CA does not know the account any more: with the contact it had, and with
 * terms only if they are the ones that were agreed to.
 */
export async function reviveAccount(
  state: string,
  authority: Authority,
  client: AcmeClient,
  { stored, key }: UsableAccount,
  options: EnsureAccountOptions,
  runtime: AccountRuntime,
): Promise<UsableAccount> {
  const { termsOfService } = (await client.directory({ signal: options.signal })).meta
  const agreeToTerms =
    options.settings.agreeToTerms ||
    (termsOfService !== undefined && termsOfService === stored.termsOfService)
  const email = options.settings.email ?? stored.contact[0]?.replace(/^mailto:/, '')
  const settings = { ...options.settings, agreeToTerms, ...(email !== undefined && { email }) }
  return registerAccount(state, authority, client, { ...options, settings, signer: key.signer }, runtime)
}

// A rollover that was interrupted leaves two keys; the CA says which of them it knows.
async function settleRollover(
  state: string,
  authority: Authority,
  client: AcmeClient,
  stored: StoredAccount | undefined,
  { signal }: EnsureAccountOptions,
  runtime: AccountRuntime,
): Promise<Signer | undefined> {
  const current = await readAccountKey(state, authority.id, 'current', runtime)
  const next = await readAccountKey(state, authority.id, 'next', runtime)
  if (next === undefined || stored === undefined) return current
  const known = await client.newAccount({ signer: next, onlyReturnExisting: true }, { signal }).then(
    () => true, // it was made for this account, under whatever URL the CA finds that now
    error => {
      if (isProblemError(error, 'accountDoesNotExist')) return false
      throw error
    },
  )
  await settleNextKey(state, authority.id, known, runtime)
  return known ? next : current
}

async function makeKey(
  state: string,
  authority: Authority,
  { keyAlgorithm }: AccountSettings,
  runtime: AccountRuntime,
): Promise<Signer> {
  const key = await generateAccountKey(keyAlgorithm)
  await writeAccountKey(state, authority.id, 'current', privateKeyPem(key), runtime)
  return createSigner(key)
}

function deactivated({ id }: Authority): AppError {
  return new AppError('ERR_ACCOUNT', `the account at ${id} has been deactivated`, {
    hint: 'certwright account register --new makes another one',
  })
}
