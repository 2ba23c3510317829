/** The forms in which programs want a certificate and its key. Pure but for the password, which the caller has read. */
import { assertNever } from '../../../base/errors.ts'
import type { FileFormat } from '../../../contracts/files-target.ts'
import { parsePrivateKeyPem } from '../../../x509/key.ts'
import { parsePem } from '../../../x509/pem.ts'
import { encodePkcs12 } from './pkcs12.ts'

/** A stored certificate: PEM, each as a generation has it. */
export type CertificateParts = {
  readonly cert: string
  readonly chain: string
  readonly key: string
}

/** What `pkcs12` needs beyond the certificate. */
export type Pkcs12Options = { readonly alias: string; readonly password: string }

/** The content of a file. Equal parts and options make equal contents. */
export function formatCertificate(
  format: FileFormat,
  { cert, chain, key }: CertificateParts,
  { alias, password }: Pkcs12Options,
): Uint8Array {
  switch (format) {
    case 'cert':
      return text(cert)
    case 'chain':
      return text(chain)
    case 'fullchain':
      return text(cert + chain)
    case 'key':
      return text(key)
    case 'combined':
      return text(key + cert + chain)
    case 'combined-chain-first':
      return text(cert + chain + key)
    case 'der-cert':
      return derOf(cert)[0] ?? new Uint8Array()
    case 'der-key':
      return keyDer(key)
    case 'pkcs12':
      return encodePkcs12({ keyDer: keyDer(key), chain: derOf(cert + chain), alias, password })
    default:
      return assertNever(format)
  }
}

function text(pem: string): Uint8Array {
  return new Uint8Array(Buffer.from(pem))
}

function derOf(pem: string): readonly Uint8Array[] {
  return parsePem(pem, 'CERTIFICATE')
}

function keyDer(pem: string): Uint8Array {
  return new Uint8Array(parsePrivateKeyPem(pem).export({ type: 'pkcs8', format: 'der' }))
}
