/** What earlier failures were about. Pure. */
import { sha256Hex } from '../../base/sha256.ts'
import type { CertificateSpec } from '../spec.ts'

/** Equal for specs that ask for the same in the same way: a change may cure what failed, so it is tried at once. */
export function basisOf(spec: CertificateSpec): string {
  const { source: _, renew: __, ...rest } = spec
  return sha256Hex(JSON.stringify(rest)).slice(0, 16)
}
