/** PEM (RFC 7468), strictly: blocks of one kind and nothing between them. */
import { printable } from '../base/printable.ts'
import { malformed } from './der.ts'

/** Most blocks in one text: the longest chain accepted from a CA. */
export const maxPemBlocks = 10
/** Longest text: the limit on a chain from a CA. */
export const maxPemLength = 128 * 1024

const lineLength = 64 // RFC 7468 §2

/**
 * One block with a final line feed.
 * @param label - such as `CERTIFICATE`
 */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/**
 * The contents of one to ten blocks, all with this label. Blank lines and CRLF are allowed; text between the blocks,
 * headers inside them and any other label (a private key beside a certificate) are not.
 * @throws AppError ERR_FORMAT
 */
export function parsePem(text: string, label: string): readonly Uint8Array[] {
  if (text.length > maxPemLength) throw malformed(`PEM text is longer than ${maxPemLength} characters`)
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const blocks: Uint8Array[] = []
  let base64: string[] | undefined // of the block that is open
  for (const line of lines) {
    if (base64 === undefined) {
      if (line !== `-----BEGIN ${label}-----`) throw malformed(unexpected(line, `BEGIN ${label}`))
      base64 = []
    } else if (line === `-----END ${label}-----`) {
      blocks.push(decodeBase64(base64.join('')))
      base64 = undefined
    } else if (line.startsWith('-----')) {
      throw malformed(unexpected(line, `END ${label}`))
    } else {
      base64.push(line)
    }
  }
  if (base64 !== undefined) throw malformed(`PEM text ends inside a ${label} block`)
  if (blocks.length === 0) throw malformed(`PEM text has no ${label} block`)
  if (blocks.length > maxPemBlocks) throw malformed(`PEM text has more than ${maxPemBlocks} blocks`)
  return blocks
}

function unexpected(line: string, wanted: string): string {
  // Only a boundary line is shown: anything else could be part of a key.
  const found = line.startsWith('-----') ? `"${printable(line, 60)}"` : 'other text'
  return `PEM text has ${found} where ${wanted} must be`
}

function decodeBase64(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== base64) throw malformed('PEM block is not base64')
  return new Uint8Array(bytes)
}
