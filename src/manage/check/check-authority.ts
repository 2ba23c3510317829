/** A CA as it is asked: whether it answers, whose clock is right, and whether our account is good there. */

import type { Directory } from '../../acme/directory.ts'
import { isProblemError } from '../../acme/problem.ts'
import { formatDuration } from '../../base/duration.ts'
import { type AppError, isAppError } from '../../base/errors.ts'
import { hourMs, minuteMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { AcmeClient } from '../../client/client.ts'
import { readSecret } from '../../contracts/secret.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { AccountSettings, Authority } from '../spec.ts'
import { readAccount, readAccountKey, type StoredAccount } from '../store/accounts.ts'
import { type Finding, failure, finding } from './finding.ts'

/** How far two clocks may be apart: signatures and certificates stand a few minutes, nobody stands hours. */
const clockLimitsMs = { warning: 5 * minuteMs, failed: hourMs } as const

export type AuthorityCheck = {
  readonly findings: readonly Finding[]
  /** Absent where the CA did not answer. */
  readonly directory?: Directory
  /** Of the stored account. */
  readonly accountUrl?: string
}

export type AuthorityOptions = {
  readonly authority: Authority
  readonly settings: AccountSettings
  readonly client: () => Promise<AcmeClient>
  readonly signal: AbortSignal
}

type AuthorityRuntime = Pick<Runtime, 'files' | 'environment' | 'exec'>

/**
 * Asks a CA for its directory, and about the stored account. Nothing is registered.
 * @throws AppError ERR_ABORTED, ERR_STORE
 */
export async function checkAuthority(
  state: string,
  { authority, settings, client: connect, signal }: AuthorityOptions,
  runtime: AuthorityRuntime,
): Promise<AuthorityCheck> {
  const { id } = authority
  try {
    const client = await connect()
    const directory = await client.directory({ signal })
    const stored = await readAccount(state, id, runtime)
    return {
      directory,
      ...(stored !== undefined && { accountUrl: stored.url }),
      findings: [
        finding('ca', 'ok', `${id} answers at ${authority.directory}`),
        judgeClock(id, await client.clockAheadMs({ signal })),
        stored === undefined
          ? await checkRegistration(id, { settings, directory }, runtime)
          : await checkAccount(state, { authority, stored, directory, client, signal }, runtime),
      ],
    }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { findings: [failure('ca', error)] }
  }
}

/** What a difference between the CA's clock and ours means. Pure. */
export function judgeClock(id: string, aheadMs: number | undefined): Finding {
  if (aheadMs === undefined) return finding('clock', 'skipped', `${id} does not say what time it is`)
  const apart = formatDuration(aheadMs)
  const difference = Math.abs(aheadMs)
  if (difference < clockLimitsMs.warning) {
    return finding('clock', 'ok', `the clock of this machine and that of ${id} are ${apart} apart`)
  }
  return finding(
    'clock',
    difference < clockLimitsMs.failed ? 'warning' : 'failed',
    `the clock of this machine is ${apart} ${aheadMs > 0 ? 'behind' : 'ahead of'} that of ${id}`,
    'set the clock, and keep it right with NTP (for example: timedatectl set-ntp true)',
  )
}

async function checkRegistration(
  id: string,
  { settings, directory: { meta } }: { readonly settings: AccountSettings; readonly directory: Directory },
  runtime: AuthorityRuntime,
): Promise<Finding> {
  if (meta.termsOfService !== undefined && !settings.agreeToTerms) {
    const text = `${id} has terms of service that must be agreed to: ${printable(meta.termsOfService)}`
    return finding('account', 'failed', text, 'read them, then set account: { agree-to-terms: true }')
  }
  const binding = settings.externalAccount
  if (meta.externalAccountRequired && binding === undefined) {
    const text = `${id} registers only accounts that are bound to one at the CA`
    return finding(
      'account',
      'failed',
      text,
      'set account: { external-account: { key-id: ..., hmac-key: ... } }',
    )
  }
  if (binding !== undefined) {
    try {
      await readSecret(binding.hmacKey, runtime)
    } catch (error) {
      if (!isAppError(error)) throw error
      return failure('account', error)
    }
  }
  const contact = settings.email === undefined ? 'without a contact' : `for ${settings.email}`
  return finding(
    'account',
    'ok',
    `there is no account at ${id} yet: the first order registers one ${contact}`,
  )
}

async function checkAccount(
  state: string,
  {
    authority: { id },
    stored,
    directory: { meta },
    client,
    signal,
  }: Pick<AuthorityOptions, 'authority' | 'signal'> & {
    readonly stored: StoredAccount
    readonly directory: Directory
    readonly client: AcmeClient
  },
  runtime: AuthorityRuntime,
): Promise<Finding> {
  const signer = await readAccountKey(state, id, 'current', runtime)
  if (signer === undefined) {
    const hint = 'restore the state directory from a backup, or: certwright account register --new'
    return finding('account', 'failed', `the key of the account at ${id} is missing`, hint)
  }
  if (stored.deactivatedAt !== undefined) return deactivated(id)
  try {
    const { account } = await client.newAccount({ signer, onlyReturnExisting: true }, { signal })
    if (account.status !== 'valid') return deactivated(id)
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return unusable(id, error)
  }
  const terms = meta.termsOfService
  if (terms !== undefined && stored.termsOfService !== undefined && terms !== stored.termsOfService) {
    const text = `${id} has other terms of service than those that were agreed to: ${printable(terms)}`
    return finding('account', 'warning', text, 'read them; the CA may ask for an agreement')
  }
  return finding('account', 'ok', `${id} knows the account ${stored.url}`)
}

function deactivated(id: string): Finding {
  const hint = 'certwright account register --new makes another one'
  return finding('account', 'failed', `the account at ${id} has been deactivated`, hint)
}

function unusable(id: string, error: AppError): Finding {
  if (isProblemError(error, 'accountDoesNotExist')) {
    const text = `${id} does not know the stored account any more`
    return finding('account', 'warning', text, 'the next order registers its key again')
  }
  return failure('account', error)
}

/** Whether a CA has a profile. Pure. */
export function judgeProfile(
  id: string,
  profile: string | undefined,
  { meta }: Pick<Directory, 'meta'>,
): readonly Finding[] {
  if (profile === undefined || meta.profiles.has(profile)) return []
  const offered = [...meta.profiles.keys()].map(name => printable(name, 100))
  const hint = offered.length === 0 ? 'it has none: take profile out' : `it has: ${offered.join(', ')}`
  return [finding('ca', 'failed', `${id} has no profile ${printable(profile, 100)}`, hint)]
}
