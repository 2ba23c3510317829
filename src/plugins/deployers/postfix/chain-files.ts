/** Which of the files in a list of Postfix holds a key, and which the certificates for it. Pure. */
import { certificatesIn, privateKeyIn } from '../server/pem-blocks.ts'

/** Files of one certificate; the same where everything is in one. */
export type FilePair = { readonly certificateFile: string; readonly keyFile: string }

/** The text of a file, where there is one. */
export type TextOf = (path: string) => string | undefined

/**
 * The pairs in a list in which each key comes before its certificates, in the same file or in one of its own.
 * @param textOf - a file that is not there yet is known by its name
 */
export function pairsIn(paths: readonly string[], textOf: TextOf): readonly FilePair[] {
  const [only] = paths
  if (only !== undefined && paths.length === 1) return [{ certificateFile: only, keyFile: only }]
  const pairs: FilePair[] = []
  let keyFile: string | undefined
  for (const path of paths) {
    const { hasKey, hasCertificate } = contentOf(path, textOf)
    if (hasKey) keyFile = path
    if (hasCertificate && keyFile !== undefined) {
      pairs.push({ certificateFile: path, keyFile })
      keyFile = undefined
    }
  }
  return pairs
}

function contentOf(path: string, textOf: TextOf): { hasKey: boolean; hasCertificate: boolean } {
  const text = textOf(path)
  if (text !== undefined)
    return { hasKey: privateKeyIn(text) !== undefined, hasCertificate: certificatesIn(text).length > 0 }
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (/key/i.test(name)) return { hasKey: true, hasCertificate: false }
  return { hasKey: !/cert|crt|chain/i.test(name), hasCertificate: true }
}
