/** The directory (RFC 8555 §7.1.1; `renewalInfo` of RFC 9773 §4, `profiles` of draft-ietf-acme-profiles §3). */
import { v } from '../base/schema.ts'
import { parseObject, type Url, urlSchema, type WireObject } from './wire.ts'

export type Directory = {
  readonly newNonce: Url
  readonly newAccount: Url
  readonly newOrder: Url
  readonly newAuthz?: Url
  readonly revokeCert: Url
  readonly keyChange?: Url
  readonly renewalInfo?: Url
  readonly meta: {
    readonly termsOfService?: string
    readonly website?: string
    readonly caaIdentities: readonly string[]
    readonly externalAccountRequired: boolean
    /** Profile name to description. */
    readonly profiles: ReadonlyMap<string, string>
  }
}

const metaSchema = v.object({
  termsOfService: v.optional(v.string()),
  website: v.optional(v.string()),
  caaIdentities: v.optional(v.array(v.string()), []),
  externalAccountRequired: v.optional(v.boolean(), false),
  profiles: v.optional(v.record(v.string(), v.string()), {}),
})
const directorySchema = v.object({
  newNonce: urlSchema,
  newAccount: urlSchema,
  newOrder: urlSchema,
  newAuthz: v.optional(urlSchema),
  revokeCert: urlSchema,
  keyChange: v.optional(urlSchema), // mandatory by the RFC, left out by some CAs
  renewalInfo: v.optional(urlSchema),
  meta: v.optional(metaSchema, {}),
})

/**
 * Reads a directory.
 * @throws AppError ERR_REPLY_INVALID
 */
export function parseDirectory(value: unknown): Directory {
  const { meta, ...resources } = parseObject('a directory', directorySchema, value)
  const directory = { ...resources, meta: { ...meta, profiles: new Map(Object.entries(meta.profiles)) } }
  return directory as Directory // members that are absent on the wire are absent here
}

/** The directory as it is sent; the inverse of {@link parseDirectory}. */
export function writeDirectory({ meta, ...resources }: Directory): WireObject {
  const profiles = Object.fromEntries(meta.profiles)
  return { ...resources, meta: { ...meta, profiles: meta.profiles.size === 0 ? undefined : profiles } }
}
