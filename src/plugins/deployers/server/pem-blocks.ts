/** PEM in the files of servers, where certificates, keys and words of people stand together. Pure. */
import { parsePem } from '../../../x509/pem.ts'

/** The certificates in a file, in its order; none where it has none. */
export function certificatesIn(text: string): readonly Uint8Array[] {
  return blocksIn(text, 'CERTIFICATE').flatMap(block => parsePem(block, 'CERTIFICATE'))
}

/** The first private key in a file, as PEM. */
export function privateKeyIn(text: string): string | undefined {
  return blocksIn(text, '(?:[A-Z0-9]+ )*PRIVATE KEY')[0]
}

function blocksIn(text: string, label: string): readonly string[] {
  return text.match(new RegExp(`-----BEGIN (${label})-----[^-]*-----END \\1-----`, 'g')) ?? []
}
