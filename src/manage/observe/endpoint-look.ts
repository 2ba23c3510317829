/** A close look at one endpoint: everything that can be told from a handshake. */

import { coversHost } from '../../acme/identifier.ts'
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import type { Instant } from '../../base/instant.ts'
import type { Endpoint } from '../../contracts/deployer.ts'
import type { KeyKind } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { judgeSentChain, type SentChain } from '../../x509/sent-chain.ts'

/** What an endpoint showed. */
export type Sight = {
  /** SHA-256 of the leaf, lower-case hex. */
  readonly fingerprint: string
  /** As it is known: its first name, else its subject; safe to show. */
  readonly subject: string
  /** Safe to show. */
  readonly issuer: string
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** Names and addresses in it. */
  readonly names: readonly string[]
  /** `ecdsa-p256`, `rsa-2048`, `ed25519`, … */
  readonly key: string
  readonly keyKind: KeyKind | undefined
  /** `TLSv1.3`, … */
  readonly protocol: string
  readonly chain: SentChain & { readonly length: number }
  /** The host that was asked for, where the certificate is not good for it. */
  readonly notFor?: string
}

/** A look at one address, with one result or the other. */
export type EndpointLook =
  | { readonly endpoint: Endpoint; readonly seen: Sight }
  | {
      readonly endpoint: Endpoint
      readonly error: AppError
      /** There is no way to this address from here, and other addresses of the same name were reached. */
      readonly noRoute?: true
    }

export type LookOptions = {
  /** What is trusted beside the roots of this machine. */
  readonly roots?: readonly Certificate[]
  /** The chain that should be sent, leaf first, where that is known. */
  readonly expected?: readonly Certificate[]
  readonly timeoutMs?: number
  readonly signal: AbortSignal
}

/**
 * Makes one handshake and judges what is shown. A failure is a value.
 * @throws AppError ERR_ABORTED
 */
export async function lookAtEndpoint(
  endpoint: Endpoint,
  { roots = [], expected, timeoutMs, signal }: LookOptions,
  { probeTls, systemRoots, clock }: Pick<Runtime, 'probeTls' | 'systemRoots' | 'clock'>,
): Promise<EndpointLook> {
  try {
    const { chain, protocol } = await probeTls(endpoint, {
      signal,
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
    const sent = chain.map(parseCertificate)
    const trusted = [...roots, ...rootsFor(sent, await systemRoots())]
    const judged = judgeSentChain(sent, {
      ...{ roots: trusted, at: clock.now() },
      ...(expected !== undefined && { expected }),
    })
    return {
      endpoint,
      seen: sightOf(endpoint, sent, { protocol, chain: { ...judged, length: sent.length } }),
    }
  } catch (error) {
    if (!isAppError(error) || error.code === 'ERR_ABORTED') throw error
    return { endpoint, error: error.code === 'ERR_FORMAT' ? unreadable(error) : error }
  }
}

function unreadable(error: AppError): AppError {
  return new AppError('ERR_REPLY_INVALID', `its certificate cannot be read: ${messageOf(error)}`, {
    cause: error,
  })
}

/** Of the many, those that can have to do with what was sent: the others are not worth reading. */
function rootsFor(sent: readonly Certificate[], pems: readonly string[]): readonly Certificate[] {
  const names = sent.flatMap(({ subjectDer, issuerDer }) => [subjectDer, issuerDer])
  return pems
    .map(derOf)
    .filter(der => names.some(name => contains(der, name)))
    .flatMap(der => {
      try {
        return [parseCertificate(der)]
      } catch {
        return [] // one that cannot be read can be trusted by nobody
      }
    })
}

function derOf(pem: string): Uint8Array {
  return new Uint8Array(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'))
}

function contains(der: Uint8Array, name: Uint8Array): boolean {
  return Buffer.from(der.buffer, der.byteOffset, der.length).includes(Buffer.from(name))
}

function sightOf(
  { host, serverName }: Endpoint,
  sent: readonly Certificate[],
  facts: Pick<Sight, 'protocol' | 'chain'>,
): Sight {
  const [leaf] = sent
  if (leaf === undefined) throw new AppError('ERR_NETWORK', 'no certificate was sent')
  const { fingerprint, subject, issuer, notBefore, notAfter, identifiers, publicKey } = leaf
  const asked = serverName ?? host
  const names = identifiers.map(({ value }) => value)
  return {
    ...{ fingerprint, issuer, notBefore, notAfter, names, ...facts },
    subject: names[0] ?? subject,
    ...describeKey(publicKey),
    ...(!coversHost(identifiers, asked) && { notFor: asked }),
  }
}

function describeKey({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: Certificate['publicKey']): Pick<Sight, 'key' | 'keyKind'> {
  const { namedCurve = '', modulusLength } = asymmetricKeyDetails ?? {}
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'p256',
    secp384r1: 'p384',
    secp521r1: 'p521',
  }
  if (asymmetricKeyType === 'ec')
    return { key: `ecdsa-${curves[namedCurve] ?? namedCurve}`, keyKind: 'ecdsa' }
  if (asymmetricKeyType === 'rsa') return { key: `rsa-${modulusLength}`, keyKind: 'rsa' }
  return { key: asymmetricKeyType ?? 'unknown', keyKind: undefined }
}
