/** SHA-256. Its module is loaded at the first use: that takes longer than all that `status` does otherwise. */

/** The digest, lower-case hex. */
export function sha256Hex(content: Uint8Array | string): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', content, 'hex')
}
