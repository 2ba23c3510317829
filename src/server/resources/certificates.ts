/** Downloading certificates (RFC 8555 §7.4.2). */
import type { Parts } from '../parts.ts'
import { notFound, type Reply } from '../reply.ts'
import { type AccountRequest, requireEmpty } from '../request.ts'

/** Gives a chain as PEM; the others are linked as alternates. */
export function readCertificate(
  request: AccountRequest,
  { id, chain = 0 }: { readonly id: string; readonly chain?: number | undefined },
  { urls, records }: Pick<Parts, 'urls' | 'records'>,
): Reply {
  requireEmpty(request)
  const certificate = records.certificates.get(id)
  const text = certificate?.chainPems[chain]
  if (certificate?.accountId !== request.account.id || text === undefined) throw notFound('certificate')
  const others = [...certificate.chainPems.keys()].filter(index => index !== chain)
  return {
    contentType: 'application/pem-certificate-chain',
    text,
    links: others.map(index => ({
      url: urls.certificate(id, index === 0 ? undefined : index),
      rel: 'alternate',
    })),
  }
}
