/** The forms in which programs want a certificate and its key. Pure but for the password, which the caller has read. */
import { assertNever } from '../../../base/errors.ts'
import { parsePrivateKeyPem } from '../../../x509/key.ts'
import { parsePem } from '../../../x509/pem.ts'
import { encodePkcs12 } from './pkcs12.ts'

/** What a file of a target may hold. */
export const fileFormats = [
  /** The certificate alone. */
  'cert',
  /** The intermediates alone. */
  'chain',
  /** The certificate, then the intermediates. */
  'fullchain',
  /** The private key, PKCS #8. */
  'key',
  /** The key, the certificate, the intermediates. */
  'combined',
  /** The certificate, the intermediates, the key. */
  'combined-chain-first',
  /** The certificate alone, DER. */
  'der-cert',
  /** The private key, PKCS #8, DER. */
  'der-key',
  /** Key, certificate and intermediates behind a password. */
  'pkcs12',
] as const
export type FileFormat = (typeof fileFormats)[number]

/** A stored certificate: PEM, each as a generation has it. */
export type CertificateParts = {
  readonly cert: string
  readonly chain: string
  readonly key: string
}

/** Whether a file of this format holds the private key. */
export function holdsKey(format: FileFormat): boolean {
  return format !== 'cert' && format !== 'chain' && format !== 'fullchain' && format !== 'der-cert'
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
