/** A client of a scripted CA, on a clock that never makes anybody wait. */
import { parseUrl } from '../acme/wire.ts'
import type { Logger } from '../base/log.ts'
import { type AccountKey, type AcmeClient, createAcmeClient } from '../client/client.ts'
import { createSigner, generateAccountKey } from '../x509/key.ts'
import type { FakeClock } from './fake-clock.ts'
import { fakeRuntime } from './fake-runtime.ts'
import { type ScriptedCa, scriptedCa, scriptedOrigin } from './scripted-ca.ts'

export type ScriptedClient = {
  readonly ca: ScriptedCa
  readonly client: AcmeClient
  readonly clock: FakeClock
  readonly account: AccountKey
  /** Never aborted. */
  readonly signal: AbortSignal
}

const accountKey = await generateAccountKey('ES256')

/** A new CA, and a client with an account there. */
export function scriptedClient(options: { readonly log?: Logger } = {}): ScriptedClient {
  const ca = scriptedCa()
  const runtime = fakeRuntime({ http: ca.http }, { autoAdvance: true })
  return {
    ca,
    client: createAcmeClient({ directory: ca.directory, ...options }, runtime),
    clock: runtime.clock,
    account: { url: parseUrl(`${scriptedOrigin}/account/1`), signer: createSigner(accountKey) },
    signal: new AbortController().signal,
  }
}
