/** base64url without padding (RFC 4648 §5, as RFC 7515 §2 uses it). */
import { AppError } from './errors.ts'

/** Encodes bytes, or text as UTF-8. */
export function encodeBase64url(content: Uint8Array | string): string {
  return Buffer.from(content as Uint8Array).toString('base64url') // Buffer.from takes text as UTF-8 too
}

/**
 * Decodes what {@link encodeBase64url} produces and nothing else: no padding, no foreign characters,
 * no bits left over.
 * @throws AppError ERR_FORMAT
 */
export function decodeBase64url(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new AppError('ERR_FORMAT', 'not base64url without padding')
  return new Uint8Array(bytes)
}
