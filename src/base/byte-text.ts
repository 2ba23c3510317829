/** Files of other people as text, so that not one byte is lost. Pure. */
import { AppError } from './errors.ts'

/** UTF-8 where it is that; else every byte is one character. */
export function textOfBytes(bytes: Uint8Array): { readonly text: string; readonly isUtf8: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), isUtf8: true }
  } catch {
    return { text: Buffer.from(bytes).toString('latin1'), isUtf8: false } // another encoding: any will do that is total
  }
}

/**
 * The bytes of a text that was made by {@link textOfBytes} and changed.
 * @throws AppError ERR_FORMAT for a character that the encoding of the file may not have
 */
export function bytesOfText(text: string, { isUtf8 }: { readonly isUtf8: boolean }): Uint8Array {
  if (isUtf8) return new TextEncoder().encode(text)
  const strange = /[^\u0000-\u00ff]/.exec(text)?.[0] // oxlint-disable-line no-control-regex -- exactly one byte
  if (strange !== undefined)
    throw new AppError('ERR_FORMAT', `"${strange}" cannot be written into a file that is not UTF-8`)
  return Buffer.from(text, 'latin1')
}
