/** What can be set for the target `nginx`. */
import { v } from '../base/schema.ts'
import { commandSchema } from './files-target.ts'
import { servedWithinSchema } from './timeout.ts'

const absolutePath = v.pipe(v.string(), v.startsWith('/', 'must be an absolute path'))

/** Schema of `nginx:` in the configuration, and of the plugin's options. @internal */
export const nginxTargetSchema = v.strictObject({
  /** `nginx` in the system's directories when absent. */
  program: v.optional(absolutePath),
  /** The main file (`-c`); nginx's own default when absent. */
  config: v.optional(absolutePath),
  /** `-p` */
  prefix: v.optional(absolutePath),
  /**
   * Program and arguments that make nginx read its files again; `nginx -s reload` when absent. With one of its own,
   * whether nginx runs is left to it: it may run where its process cannot be seen.
   */
  reload: v.optional(commandSchema),
  /** How long it may take until the new certificate is seen. */
  'served-within': v.optional(servedWithinSchema),
})
export type NginxTarget = v.InferInput<typeof nginxTargetSchema>
