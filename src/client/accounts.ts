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
   * Gives the account another key (§7.3.5), which must be stored durably before. Whatever the CA answers, and after a lost
   * reply, it is asked which key opens the account, so repeating the call after a crash is safe.
   * @returns the account with the new key, which was seen to open it; only now may the old one be deleted
   * @throws AcmeProblemError; AppError ERR_ACCOUNT when the new key, or neither key, opens the account
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
      const opens = async (signer: Signer) => (await find(signer, options))?.url === account.url
      const changed = { url: account.url, signer: newSigner }
      let doubt: unknown
      try {
        await changeKey(account, newSigner, options)
      } catch (error) {
        if (!isAppError(error, 'ERR_REPLY_LOST') && !mayComeFromDoneChange(error)) throw error
        doubt = error
      }
      // A success is looked at too: the old key may be deleted after this.
      if (await opens(newSigner)) return changed
      if (doubt === undefined) throw unopened(transport, account, 'the new key does not open')
      if (!isAppError(doubt, 'ERR_REPLY_LOST')) throw doubt
      if (!(await opens(account.signer))) {
        throw unopened(transport, account, 'neither the old nor the new key opens', doubt)
      }
      await changeKey(account, newSigner, options)
      if (await opens(newSigner)) return changed
      throw unopened(transport, account, 'the new key does not open')
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

/**
 * Whether a refusal may mean that the change is made already. CAs say that in many ways: the signature is wrong, its
 * algorithm does not fit the account, the old key is unknown, the new one is taken (409).
 */
function mayComeFromDoneChange(error: unknown): boolean {
  if (!(error instanceof AcmeProblemError) || error.code === 'ERR_RATE_LIMITED') return false
  const { status = 0 } = error.problem
  return status >= 400 && status < 500
}

function unopened(
  { authority: { host } }: Transport,
  { url }: AccountKey,
  what: string,
  cause?: AppError,
): AppError {
  return new AppError(
    'ERR_ACCOUNT',
    `${host} was asked to change the account key, but ${what} the account ${url}`,
    {
      cause,
      hint: 'keep both keys, and find out which one the CA has for this account',
    },
  )
}
