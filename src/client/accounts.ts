/** Accounts (RFC 8555 §7.3). */
import { type Account, parseAccount } from '../acme/account.ts'
import { AcmeProblemError, isProblemError } from '../acme/problem.ts'
import type { Url } from '../acme/wire.ts'
import { AppError, isAppError } from '../base/errors.ts'
import { type MacAlgorithm, signExternalAccountBinding } from '../jose/external-account-binding.ts'
import { publicJwk } from '../jose/jwk.ts'
import { createJws } from '../jose/jws.ts'
import type { Signer } from '../x509/key.ts'
import { invalidReply, type Reply, readLocation, readObject, requireOwnUrl } from './reply.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** What signs the requests of an account. */
export type AccountKey = {
  readonly url: Url
  readonly signer: Signer
}

/** A binding to an account that the CA knows already (§7.3.4). */
export type ExternalAccount = {
  readonly keyId: string
  /** The MAC key, decoded. */
  readonly hmacKey: Uint8Array
  /** HS256 where the CA does not say otherwise. */
  readonly algorithm?: MacAlgorithm
}

export type NewAccount = {
  readonly signer: Signer
  /** URIs, such as `mailto:admin@example.com`. */
  readonly contact?: readonly string[]
  readonly termsOfServiceAgreed?: boolean
  /** Find the account of the key and never make one. */
  readonly onlyReturnExisting?: boolean
  readonly externalAccount?: ExternalAccount
}

/** Requests about accounts. */
export type AccountRequests = {
  /**
   * Registers a key, or finds its account. After a lost reply it asks whether the account is there before it registers again.
   * @returns `created` is false when the CA knew the key, also from a request whose reply was lost
   * @throws AcmeProblemError; `accountDoesNotExist` with `onlyReturnExisting`
   */
  readonly newAccount: (
    request: NewAccount,
    options: RequestOptions,
  ) => Promise<{ readonly account: Account; readonly created: boolean }>
  readonly readAccount: (account: AccountKey, options: RequestOptions) => Promise<Account>
  /** Replaces the contacts. */
  readonly updateAccount: (
    account: AccountKey,
    change: { readonly contact: readonly string[] },
    options: RequestOptions,
  ) => Promise<Account>
  /** Makes the account unusable for ever (§7.3.6); its certificates stay valid. */
  readonly deactivateAccount: (account: AccountKey, options: RequestOptions) => Promise<void>
  /**
   * Gives the account another key (§7.3.5). The new key must be stored durably before. When the outcome is in doubt, also
   * from an earlier call, the CA is asked which key opens the account; repeating the call after a crash is safe.
   * @returns the account with the new key; only now may the old one be deleted
   * @throws AcmeProblemError; AppError ERR_ACCOUNT when neither key opens the account
   */
  readonly rolloverKey: (
    account: AccountKey,
    newSigner: Signer,
    options: RequestOptions,
  ) => Promise<AccountKey>
}

/** Account requests over a transport. */
export function accountRequests(transport: Transport): AccountRequests {
  const register = async (
    { signer, contact, termsOfServiceAgreed, onlyReturnExisting, externalAccount }: NewAccount,
    options: RequestOptions,
  ): Promise<{ readonly account: Account; readonly created: boolean }> => {
    const bind = (binding: ExternalAccount, url: Url) =>
      signExternalAccountBinding({ ...binding, url, accountKey: signer.publicKey })
    const reply = await transport.post(
      {
        task: onlyReturnExisting === true ? 'find the account of a key' : 'register an account',
        target: { resource: 'newAccount' },
        signer,
        payload: url => ({
          contact,
          termsOfServiceAgreed,
          onlyReturnExisting,
          externalAccountBinding: externalAccount && bind(externalAccount, url),
        }),
        repeatable: onlyReturnExisting === true,
      },
      options,
    )
    return { account: readAccountObject(reply, readLocation(reply)), created: reply.status === 201 }
  }

  const find = async (signer: Signer, options: RequestOptions): Promise<Account | undefined> => {
    try {
      return (await register({ signer, onlyReturnExisting: true }, options)).account
    } catch (error) {
      if (isProblemError(error, 'accountDoesNotExist')) return undefined
      throw error
    }
  }

  const readAccount = async ({ url, signer }: AccountKey, options: RequestOptions): Promise<Account> => {
    const reply = await transport.post({ task: 'read the account', target: url, signer, kid: url }, options)
    return readAccountObject(reply, url)
  }

  const changeKey = async (
    { url: account, signer }: AccountKey,
    newSigner: Signer,
    options: RequestOptions,
  ): Promise<void> => {
    const oldKey = publicJwk(signer.publicKey)
    await transport.post(
      {
        task: 'change the account key',
        target: { resource: 'keyChange' },
        signer,
        kid: account,
        // The inner signature has no nonce (§7.3.5).
        payload: url => createJws({ account, oldKey }, { signer: newSigner, url }),
      },
      options,
    )
  }

  return {
    readAccount,

    newAccount: async (request, options) => {
      try {
        return await register(request, options)
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST') || request.onlyReturnExisting === true) throw error
        const account = await find(request.signer, options)
        return account === undefined ? await register(request, options) : { account, created: false }
      }
    },

    updateAccount: async ({ url, signer }, { contact }, options) => {
      const task = 'change the contacts of the account'
      const payload = () => ({ contact })
      const request = { task, target: url, signer, kid: url, payload, repeatable: true }
      return readAccountObject(await transport.post(request, options), url)
    },

    deactivateAccount: async (account, options) => {
      const { url, signer } = account
      const payload = () => ({ status: 'deactivated' })
      const request = { task: 'deactivate the account', target: url, signer, kid: url, payload }
      const deactivate = async () => {
        const reply = await transport.post(request, options)
        const { status } = readAccountObject(reply, url)
        if (status !== 'deactivated') throw invalidReply(reply, `an account that is still ${status}`)
      }
      try {
        await deactivate()
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST')) throw error
        if (await isUsable(account, readAccount, options)) await deactivate()
      }
    },

    rolloverKey: async (account, newSigner, options) => {
      const { url } = account
      const changed = { url, signer: newSigner }
      try {
        await changeKey(account, newSigner, options)
        return changed
      } catch (error) {
        const lost = isAppError(error, 'ERR_REPLY_LOST')
        if (!lost && !mayComeFromDoneChange(error)) throw error
        if ((await find(newSigner, options))?.url === url) return changed
        if (!lost) throw error
        if ((await find(account.signer, options))?.url !== url) throw lostAccount(transport, account, error)
        await changeKey(account, newSigner, options)
        return changed
      }
    },
  }
}

function readAccountObject(reply: Reply, url: Url): Account {
  const account = readObject(reply, value => parseAccount(url, value))
  if (account.orders !== undefined) requireOwnUrl(reply, 'the list of orders', account.orders)
  return account
}

/** A deactivated account is refused everything, reading itself included (§7.3.6). */
async function isUsable(
  account: AccountKey,
  read: AccountRequests['readAccount'],
  options: RequestOptions,
): Promise<boolean> {
  try {
    return (await read(account, options)).status === 'valid'
  } catch (error) {
    if (isProblemError(error, 'unauthorized')) return false
    throw error
  }
}

/** How a CA refuses a change that it has made already: the old key is unknown, or the new one taken. */
function mayComeFromDoneChange(error: unknown): boolean {
  if (isProblemError(error, 'unauthorized', 'malformed', 'accountDoesNotExist', 'conflict')) return true
  return error instanceof AcmeProblemError && error.problem.status === 409
}

function lostAccount({ authority: { host } }: Transport, { url }: AccountKey, cause: unknown): AppError {
  return new AppError('ERR_ACCOUNT', `neither the old nor the new key opens the account ${url} at ${host}`, {
    cause,
    hint: 'keep both keys and ask the CA which one it has for this account',
  })
}
