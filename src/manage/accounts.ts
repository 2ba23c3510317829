/** The accounts that a manager uses: each found or registered once per process, under its lock. */
import type { AcmeClient } from '../client/client.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { OnEvent } from './events.ts'
import { ensureAccount, reviveAccount, type UsableAccount } from './execute/account.ts'
import type { Budget } from './limits/budget.ts'
import type { AccountSettings, Authority } from './spec.ts'
import { takeLock } from './store/locks.ts'

export type AccountsOptions = {
  readonly state: string
  /** For authorities without settings of their own. */
  readonly settings: AccountSettings
  readonly clientFor: (authority: Authority) => Promise<AcmeClient>
  readonly budgetFor: (authority: Authority, signal: AbortSignal) => Budget
  readonly onEvent: OnEvent
}

/**
 * The account at an authority, registered if need be. With `lost`, the one that the CA does not know any more, it is found
 * or registered again.
 */
export type AccountFor = (
  authority: Authority,
  options: { readonly signal: AbortSignal },
  lost?: UsableAccount,
) => Promise<UsableAccount>

/** Nothing is read or registered before the first call. */
export function createAccounts(options: AccountsOptions, runtime: Runtime): AccountFor {
  const { state, onEvent } = options
  const accounts = new Map<string, Promise<UsableAccount>>()
  const accountFor: AccountFor = (authority, { signal }, lost) => {
    const known = accounts.get(authority.id)
    if (known !== undefined && lost === undefined) return known
    const found = underAccountLock(authority, signal, async client => {
      const settings = {
        settings: authority.account ?? options.settings,
        signal,
        onRegister: () => registering(authority),
        budget: options.budgetFor(authority, signal),
      }
      const usable = await ensureAccount(state, authority, client, settings, runtime)
      // Another process, or another certificate in this one, may have registered again in the meantime.
      if (lost === undefined || usable.key.url !== lost.key.url) return usable
      return reviveAccount(state, authority, client, usable, settings, runtime)
    })
    accounts.set(authority.id, found)
    found.catch(() => accounts.delete(authority.id)) // so that the next certificate tries again
    return found
  }
  const underAccountLock = async <T>(
    authority: Authority,
    signal: AbortSignal,
    work: (client: AcmeClient) => Promise<T>,
  ) => {
    const client = await options.clientFor(authority)
    await using _lock = await takeLock(
      state,
      `account-${authority.id}`,
      { about: `account at ${authority.id}`, signal },
      runtime,
    )
    return await work(client) // and only then is the lock given back
  }
  const registering = ({ id }: Authority) =>
    onEvent({
      certificate: undefined,
      step: 'account',
      level: 'step',
      text: `registering an account at ${id}`,
    })
  return accountFor
}
