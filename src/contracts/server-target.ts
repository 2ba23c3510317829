/** What can be set for a target that is a server of its own kind: one schema for the configuration and for the plugin. */
import { v } from '../base/schema.ts'
import { absolutePath, commandSchema, endpointEntries, modeWithKey, who } from './files-target.ts'

/** What every server can be told; each adds what it alone needs. @internal */
export const serverOptions = {
  /** The server's own program; found by its name when absent. */
  program: v.optional(absolutePath),
  /** Its main configuration file. */
  config: v.optional(absolutePath),
  /** Program and arguments that make it read its files again, instead of the usual way. */
  reload: v.optional(commandSchema),
  /** Which of the certificates that it reads is meant, by the file. */
  'certificate-file': v.optional(absolutePath),
  /** Of files that are written for it, where none lie there yet. */
  ...who,
  mode: v.optional(modeWithKey),
  ...endpointEntries,
}

/** Schema of a server that needs no options of its own. @internal */
export const serverTargetSchema = v.strictObject(serverOptions)

/** Schema of `haproxy:`. @internal */
export const haproxyTargetSchema = v.strictObject({
  ...serverOptions,
  /** Its socket for administrators, over which certificates are changed without a reload. */
  socket: v.optional(absolutePath),
})
export type HaproxyOptions = v.InferOutput<typeof haproxyTargetSchema>

/** Schema of `slapd:`. @internal */
export const slapdTargetSchema = v.strictObject({
  ...serverOptions,
  /** The socket over which root changes its configuration. */
  socket: v.optional(absolutePath),
})
export type SlapdOptions = v.InferOutput<typeof slapdTargetSchema>

/** The options that every server has. */
export type ServerOptions = v.InferOutput<v.StrictObjectSchema<typeof serverOptions, undefined>>
