/** A CA of one's own: a root, an intermediate, and both keys. */
import { type KeyObject, randomBytes } from 'node:crypto'
import { AppError } from '../../base/errors.ts'
import { dayMs, hourMs, type Instant, instant, plusMs, secondMs } from '../../base/instant.ts'
import type { Clock } from '../../runtime/clock.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { checkChain } from '../../x509/chain.ts'
import { generateKey, parsePrivateKeyPem, privateKeyPem, samePublicKey } from '../../x509/key.ts'
import type { KeyType } from '../../x509/key-types.ts'
import { encodePem, parsePem } from '../../x509/pem.ts'
import { signCertificate } from '../../x509/signed-certificate.ts'
import type { Issuer } from './issuer.ts'

/** All of a local CA, to be kept in a safe place: whoever has the keys can issue. */
export type LocalIssuerState = {
  readonly rootCertificatePem: string
  readonly rootKeyPem: string
  readonly intermediateCertificatePem: string
  readonly intermediateKeyPem: string
}

export interface LocalIssuer extends Issuer {
  readonly root: Certificate
  readonly intermediate: Certificate
  /** What clients must trust. */
  readonly rootPem: string
  /** For {@link restoreLocalIssuer}; with the private keys in it. */
  exportState(): LocalIssuerState
}

export type LocalIssuerOptions = {
  /** Begins the names of both certificates; the default is `Certwright local CA`. */
  readonly rootName?: string
  /** Of both keys; the default is `ecdsa-p256`. */
  readonly keyType?: KeyType
}

/** Longer than any certificate below, shorter than what clients refuse as absurd. */
const rootLifetimeMs = 3_650 * dayMs
const intermediateLifetimeMs = 1_825 * dayMs
/** For clients whose clock is slow. */
const backdateMs = hourMs

/** Makes a new CA. */
export async function createLocalIssuer(
  { rootName = 'Certwright local CA', keyType = 'ecdsa-p256' }: LocalIssuerOptions,
  { clock }: { readonly clock: Pick<Clock, 'now'> },
): Promise<LocalIssuer> {
  const [rootKey, intermediateKey] = await Promise.all([generateKey(keyType), generateKey(keyType)])
  const notBefore = plusMs(wholeSecond(clock.now()), -backdateMs)
  const rootCommonName = `${rootName} root`
  const root = parseCertificate(
    signCertificate(
      {
        serialNumber: newSerialNumber(),
        subjectCommonName: rootCommonName,
        issuer: { commonName: rootCommonName },
        notBefore,
        notAfter: plusMs(notBefore, rootLifetimeMs - secondMs),
        publicKey: rootKey,
        ca: { pathLength: 1 },
      },
      rootKey,
    ),
  )
  const intermediate = parseCertificate(
    signCertificate(
      {
        serialNumber: newSerialNumber(),
        subjectCommonName: `${rootName} intermediate`,
        issuer: root,
        notBefore,
        notAfter: plusMs(notBefore, intermediateLifetimeMs - secondMs),
        publicKey: intermediateKey,
        ca: { pathLength: 0 },
      },
      rootKey,
    ),
  )
  return localIssuer({ root, rootKey, intermediate, intermediateKey })
}

/**
 * The CA whose state was exported.
 * @throws AppError ERR_FORMAT when a part cannot be read, or does not go with the others
 */
export function restoreLocalIssuer(state: LocalIssuerState): LocalIssuer {
  const root = certificateFromPem(state.rootCertificatePem)
  const intermediate = certificateFromPem(state.intermediateCertificatePem)
  const rootKey = parsePrivateKeyPem(state.rootKeyPem)
  const intermediateKey = parsePrivateKeyPem(state.intermediateKeyPem)
  const at = intermediate.notBefore // an expired CA is told from a broken one when it is used
  if (
    !samePublicKey(root.publicKey, rootKey) ||
    !samePublicKey(intermediate.publicKey, intermediateKey) ||
    checkChain([intermediate, root], { at }) !== undefined
  )
    throw new AppError('ERR_FORMAT', 'the keys and certificates of the local CA do not go together', {
      hint: 'restore all of its files from one backup',
    })
  return localIssuer({ root, rootKey, intermediate, intermediateKey })
}

type Keys = {
  readonly root: Certificate
  readonly rootKey: KeyObject
  readonly intermediate: Certificate
  readonly intermediateKey: KeyObject
}

function localIssuer({ root, rootKey, intermediate, intermediateKey }: Keys): LocalIssuer {
  const pemOf = ({ der }: Certificate) => encodePem('CERTIFICATE', der)
  return {
    root,
    intermediate,
    rootPem: pemOf(root),
    exportState: () => ({
      rootCertificatePem: pemOf(root),
      rootKeyPem: privateKeyPem(rootKey),
      intermediateCertificatePem: pemOf(intermediate),
      intermediateKeyPem: privateKeyPem(intermediateKey),
    }),
    async issue({ publicKey, identifiers, notBefore, notAfter }) {
      if (notAfter > intermediate.notAfter)
        throw new AppError(
          'ERR_UNSUPPORTED',
          'the intermediate certificate expires before the new one would',
          {
            hint: 'make a new CA, or issue certificates with a shorter life',
          },
        )
      const leaf = signCertificate(
        {
          serialNumber: newSerialNumber(),
          issuer: intermediate,
          notBefore,
          notAfter,
          publicKey,
          identifiers,
        },
        intermediateKey,
      )
      return [
        [leaf, intermediate.der],
        [leaf, intermediate.der, root.der],
      ]
    },
  }
}

function certificateFromPem(pem: string): Certificate {
  const [der] = parsePem(pem, 'CERTIFICATE')
  if (der === undefined) throw new AppError('ERR_FORMAT', 'no certificate in the PEM text')
  return parseCertificate(der)
}

const serialBytes = 16

/** 128 random bits (the Baseline Requirements want 64); the first octet is not zero, so that all are of one length. */
export function newSerialNumber(): Uint8Array {
  const serialNumber = new Uint8Array(randomBytes(serialBytes))
  return serialNumber[0] === 0 ? newSerialNumber() : serialNumber
}

function wholeSecond(at: Instant): Instant {
  return instant(Math.floor(at / secondMs) * secondMs)
}
