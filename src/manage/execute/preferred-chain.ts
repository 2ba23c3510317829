/** Choosing among the chains that a CA offers for one certificate (RFC 8555 §7.4.2). */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { CertificateReply } from '../../client/certificates.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { publicKeyDer } from '../../x509/key.ts'

/** CAs offer two or three; this bounds what a hostile one makes us download. */
const maxAlternates = 8

export type ChoiceOptions = {
  /** Common name of the root, or the SHA-256 of a CA certificate in the chain or of its public key, in hex. */
  readonly preferred: string | undefined
  readonly download: (url: CertificateReply['alternates'][number]) => Promise<CertificateReply>
  readonly onWarning: (text: string) => void
}

/**
 * The first chain that is preferred, beginning with the CA's own; that one where none is, with a warning.
 * @returns DER, leaf first; not checked
 * @throws AppError ERR_ABORTED; a certificate that is there is not lost for an alternate that is not
 */
export async function choosePreferredChain(
  { chain, alternates }: CertificateReply,
  { preferred, download, onWarning }: ChoiceOptions,
): Promise<readonly Uint8Array[]> {
  if (preferred === undefined || isPreferredChain(chain, preferred)) return chain
  const offered = [chain]
  for (const url of alternates.slice(0, maxAlternates)) {
    try {
      const { chain: alternate } = await download(url)
      if (!isSameLeaf(chain, alternate)) onWarning(`${url} is a chain for another certificate`)
      else if (isPreferredChain(alternate, preferred)) return alternate
      else offered.push(alternate)
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'ERR_ABORTED') throw error
      onWarning(`another chain of the CA could not be looked at: ${messageOf(error)}`)
    }
  }
  const roots = new Set(offered.map(each => rootNameOf(each) ?? 'a root without a name'))
  onWarning(
    `no chain leads to "${preferred}", which preferred-chain asks for; the CA's own is used (it offers: ${[...roots].join(', ')})`,
  )
  return chain
}

/**
 * Whether a chain leads to the root that is wanted, or has the CA certificate in it. A chain that cannot be read does not. Pure.
 * @param preferred - see {@link ChoiceOptions}
 */
export function isPreferredChain(chain: readonly Uint8Array[], preferred: string): boolean {
  const hash = preferred.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(hash)) return rootNameOf(chain) === preferred
  return chain.slice(1).some(der => {
    const certificate = readCertificate(der)
    return (
      certificate !== undefined &&
      (certificate.fingerprint === hash || sha256Hex(publicKeyDer(certificate.publicKey)) === hash)
    )
  })
}

/** The last certificate is issued by the root, or is the root, which is issued by itself. */
function rootNameOf(chain: readonly Uint8Array[]): string | undefined {
  const last = chain.at(-1)
  return last === undefined ? undefined : readCertificate(last)?.issuerCommonName
}

function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (!isAppError(error, 'ERR_FORMAT')) throw error
    return undefined // said when the chain is checked
  }
}

function isSameLeaf([one]: readonly Uint8Array[], [other]: readonly Uint8Array[]): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0
}
