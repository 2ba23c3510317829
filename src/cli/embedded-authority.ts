/** The CA that lives in this process, its keys in the state directory. */

import { loopbackNetworks, privateNetworks } from '../acme/network.ts'
import { AppError } from '../base/errors.ts'
import { v } from '../base/schema.ts'
import { readDocument, storeStep, writeDocument } from '../manage/store/documents.ts'
import { takeLock } from '../manage/store/locks.ts'
import { embeddedAuthorityPath, publicFileMode, stateDirectoryMode } from '../manage/store/paths.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createLocalIssuer, type LocalIssuer, restoreLocalIssuer } from '../server/issuance/local-issuer.ts'
import { listenAcmeServer } from '../server/listen.ts'

/** A CA that listens on loopback until it is disposed of. */
export type EmbeddedAuthority = AsyncDisposable & { readonly directory: string; readonly trustPem: string }

const issuerSchema = v.object({
  rootCertificatePem: v.string(),
  rootKeyPem: v.string(),
  intermediateCertificatePem: v.string(),
  intermediateKeyPem: v.string(),
})

/** Path of the root certificate that clients of the embedded CA must trust. */
export const embeddedRootPath = (state: string) => `${embeddedAuthorityPath(state)}/root.pem`

/**
 * Starts the embedded CA with the keys it had before, or with new ones. Its accounts and orders live as long as this
 * process; the certificates it issued stay good, because its root does.
 * @param httpPort - where http-01 is looked for instead of port 80
 * @throws AppError ERR_STORE, ERR_STORE_CORRUPT, ERR_LISTEN
 */
export async function startEmbeddedAuthority(
  state: string,
  runtime: Pick<Runtime, 'files' | 'clock' | 'tryLock' | 'http' | 'resolver' | 'serveHttps'>,
  { httpPort }: { readonly httpPort?: number } = {},
): Promise<EmbeddedAuthority> {
  const issuer = await loadIssuer(state, runtime)
  const listening = await listenAcmeServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      issuer,
      // Its users are those who may run this program: what it may look at, they may look at.
      validation: {
        allowedNetworks: [...loopbackNetworks, ...privateNetworks],
        ...(httpPort !== undefined && { httpPort }),
      },
    },
    runtime,
  )
  return {
    directory: listening.directoryUrl,
    trustPem: issuer.rootPem,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  }
}

async function loadIssuer(
  state: string,
  { files, clock, tryLock }: Pick<Runtime, 'files' | 'clock' | 'tryLock'>,
): Promise<LocalIssuer> {
  // Two that begin at once would each make a root, and only one of them would be kept.
  const about = 'start the embedded CA'
  const { signal } = new AbortController()
  await using _lock = await takeLock(state, 'embedded-authority', { about, signal }, { clock, tryLock })
  const directory = embeddedAuthorityPath(state)
  const saved = await readDocument(`${directory}/issuer.json`, issuerSchema, files)
  const hasRoot = (await files.facts(embeddedRootPath(state))) !== undefined
  if (saved === undefined && hasRoot) {
    throw new AppError('ERR_STORE_CORRUPT', `${directory} has a root certificate, but its keys are missing`, {
      hint: `restore issuer.json from a backup, or move ${directory} away to begin with a new root`,
    })
  }
  const issuer = saved === undefined ? await createLocalIssuer({}, { clock }) : restoreLocalIssuer(saved)
  if (saved === undefined) {
    await storeStep(`create ${directory}`, () => files.makeDirectory(directory, stateDirectoryMode))
    await writeDocument(`${directory}/issuer.json`, issuer.exportState(), files)
  }
  // Also where an earlier process was killed in between.
  if (!hasRoot) {
    await storeStep(`write ${embeddedRootPath(state)}`, () =>
      files.replace(embeddedRootPath(state), issuer.rootPem, publicFileMode),
    )
  }
  return issuer
}
