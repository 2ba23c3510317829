/** Downloading certificates (RFC 8555 §7.4.2). */
import type { Url } from '../acme/wire.ts'
import { isAppError } from '../base/errors.ts'
import { maxPemLength, parsePem } from '../x509/pem.ts'
import type { AccountKey } from './accounts.ts'
import { invalidReply, mediaTypeOf, type Reply, readLinks, unexpectedContent } from './reply.ts'
import type { RequestOptions, Transport } from './transport.ts'

/** A chain as the CA sent it: well formed, but not yet compared with what was asked for. */
export type CertificateReply = {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  /** Other chains for the same leaf, to be downloaded the same way. */
  readonly alternates: readonly Url[]
}

/** Requests about certificates. */
export type CertificateRequests = {
  /**
   * Downloads a chain of at most ten certificates and 128 KiB.
   * @throws AppError ERR_REPLY_INVALID for another content type and for anything beside certificates;
   * ERR_REPLY_TOO_LARGE
   */
  readonly certificate: (account: AccountKey, url: Url, options: RequestOptions) => Promise<CertificateReply>
}

const chainMediaType = 'application/pem-certificate-chain'

/** Certificate requests over a transport. */
export function certificateRequests(transport: Transport): CertificateRequests {
  return {
    certificate: async ({ url: kid, signer }, target, options) => {
      const task = 'send the certificate'
      const limits = { accept: chainMediaType, maxBodyBytes: maxPemLength }
      const reply = await transport.post({ task, target, signer, kid, ...limits }, options)
      return { chain: readChain(reply), alternates: readLinks(reply, 'alternate') }
    },
  }
}

function readChain(reply: Reply): readonly Uint8Array[] {
  if (mediaTypeOf(reply) !== chainMediaType) throw unexpectedContent(reply, chainMediaType)
  try {
    return parsePem(new TextDecoder().decode(reply.body), 'CERTIFICATE')
  } catch (error) {
    if (!isAppError(error, 'ERR_FORMAT')) throw error
    throw invalidReply(reply, `a chain that cannot be read: ${error.message}`, error)
  }
}
