/** `certwright revoke NAME`. */
import type { RevocationReason } from '../../acme/revocation.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import { formatInstant } from '../../base/instant.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import type { Authority, SpecName } from '../../manage/spec.ts'
import { readAccount, readAccountKey } from '../../manage/store/accounts.ts'
import { markRevoked } from '../../manage/store/generations.ts'
import { recordHistory } from '../../manage/store/history.ts'
import { takeLock } from '../../manage/store/locks.ts'
import { generationPath } from '../../manage/store/paths.ts'
import { hasPrivateKey, type StoredCertificate } from '../../manage/store/stored-certificate.ts'
import { createSigner, parsePrivateKeyPem } from '../../x509/key.ts'
import { parsePem } from '../../x509/pem.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { confirm } from '../confirm.ts'
import { findStored, storedAuthority } from '../stored.ts'
import { createWorkbench, loadCommandConfig, type Workbench } from '../workbench.ts'

export type RevokeFlags = {
  readonly args: readonly string[]
  readonly reason: RevocationReason
  readonly yes?: boolean
}

/** Revokes the newest generation by the account that ordered it, or by its own key where that account is gone. */
export async function revoke(
  context: CommandContext,
  { args, reason, yes }: RevokeFlags,
): Promise<CommandResult> {
  const { state, runtime, signal } = context
  const name = await findStored(context, args[0] ?? '')
  const config = await loadCommandConfig(context)
  await using bench = createWorkbench(context, config)
  const certificate = await newestOf(name, context)
  // Before the lock: nobody shall wait for a person who thinks.
  await confirm(
    `Revoke the certificate ${name}, valid until ${formatInstant(certificate.notAfter)}?`,
    yes,
    context,
  )
  await using _lock = await takeLock(
    state,
    `certificate-${name}`,
    { about: `revoke ${name}`, signal },
    runtime,
  )
  if ((await newestOf(name, context)).generation !== certificate.generation)
    throw new AppError('ERR_LOCKED', `${name} was renewed in the meantime; nothing was revoked`, {
      hint: 'run the command again to revoke the new certificate',
    })
  const directory = generationPath(state, name, certificate.generation)
  const read = async (file: string) =>
    new TextDecoder().decode(await runtime.files.read(`${directory}/${file}`))
  const [der] = parsePem(await read('cert.pem'), 'CERTIFICATE')
  if (der === undefined) throw new TypeError('a generation whose hashes were checked has a certificate')
  const authority = storedAuthority(certificate.authority, config)
  const key = hasPrivateKey(certificate)
    ? createSigner(parsePrivateKeyPem(await read('privkey.pem')))
    : undefined
  await revokeAt(bench, authority, { der, key, reason }, context)
  await markRevoked(state, name, certificate, runtime.clock.now(), runtime)
  const { generation, fingerprint } = certificate
  const text = `revoked at ${authority.id}, for the reason ${reason}`
  const revoked = { kind: 'revoked', text, authority: authority.id, generation, fingerprint } as const
  await recordHistory(state, name, [revoked], runtime)
  const configured = config.certificates.some(spec => spec.name === name)
  const next = configured
    ? `certwright apply replaces it with a new one; certwright delete ${name} forgets it`
    : `certwright delete ${name} removes its files`
  return {
    exitCode: exitCodes.done,
    text: `${name}: revoked (${reason})\n  next     ${next}\n`,
    json: { name, fingerprint: certificate.fingerprint, revoked: true, reason },
  }
}

async function newestOf(
  name: SpecName,
  { state, runtime }: Pick<CommandContext, 'state' | 'runtime'>,
): Promise<StoredCertificate> {
  const certificate = newest(await observeCertificate(state, name, runtime))
  if (certificate !== undefined) return certificate
  throw new AppError('ERR_NOT_FOUND', `${name} has no certificate to revoke`, {
    hint: `certwright apply --only ${name} obtains one`,
  })
}

type Revocation = {
  readonly der: Uint8Array
  /** The certificate's own; absent where it is elsewhere. */
  readonly key: ReturnType<typeof createSigner> | undefined
  readonly reason: RevocationReason
}

async function revokeAt(
  bench: Workbench,
  authority: Authority,
  { der, key, reason }: Revocation,
  { state, runtime, signal }: CommandContext,
): Promise<void> {
  const client = await bench.clientFor(authority)
  const stored = await readAccount(state, authority.id, runtime)
  const signer = await readAccountKey(state, authority.id, 'current', runtime)
  if (stored !== undefined && signer !== undefined) {
    try {
      return await client.revokeCertificate({ account: { url: stored.url, signer } }, der, reason, { signal })
    } catch (error) {
      if (!isAppError(error, 'ERR_ACME_PROBLEM') || key === undefined) throw error // the certificate's own key may still do
    }
  }
  if (key === undefined) {
    throw new AppError(
      'ERR_ACCOUNT',
      `the account at ${authority.id} that ordered it is gone, and its key is elsewhere`,
      {
        hint: 'revoke it with its private key, where the CSR was made; or restore the account from a backup',
      },
    )
  }
  await client.revokeCertificate({ certificateSigner: key }, der, reason, { signal })
}
