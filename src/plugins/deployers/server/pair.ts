/** Whether a certificate and a key belong together. Pure. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { certificatesIn, privateKeyIn } from './pem-blocks.ts'

/** The texts of the files, which may be the same; `undefined` where there is no file. */
export type PairTexts = { readonly certificate: string | undefined; readonly key: string | undefined }

/** What is wrong with a pair; `undefined` where nothing is, or the key is encrypted. */
export function pairProblem({ certificate, key }: PairTexts): string | undefined {
  if (certificate === undefined) return 'the certificate is missing'
  if (key === undefined) return 'the key is missing'
  const keyPem = privateKeyIn(key)
  if (keyPem === undefined) return 'there is no private key where one should be'
  if (keyPem.includes('ENCRYPTED')) return undefined
  try {
    const [leaf] = certificatesIn(certificate)
    if (leaf === undefined) return 'there is no certificate where one should be'
    const fits = new X509Certificate(leaf).checkPrivateKey(createPrivateKey(keyPem))
    return fits ? undefined : 'the key does not belong to the certificate'
  } catch {
    return 'certificate or key cannot be read'
  }
}
