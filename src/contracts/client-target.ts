/** What can be set for a target that is asked and told as one of its clients: databases. */
import { v } from '../base/schema.ts'
import { absolutePath } from './files-target.ts'
import { secretSchema } from './secret.ts'
import { serverOptions } from './server-target.ts'

const largestPort = 65_535
const mustBePort = 'must be a port'
const word = v.pipe(v.string(), v.regex(/^[^\s\0-][^\s\0]*$/, 'must be one word'))

/** Schema of a server that is asked and told as one of its clients. @internal */
export const clientTargetSchema = v.pipe(
  v.strictObject({
    ...serverOptions,
    /** Where it listens on this machine: the socket, for PostgreSQL its directory. */
    socket: v.optional(absolutePath),
    host: v.optional(word),
    port: v.optional(
      v.pipe(
        v.number(mustBePort),
        v.integer(mustBePort),
        v.minValue(1, mustBePort),
        v.maxValue(largestPort, mustBePort),
      ),
    ),
    /** As whom; a superuser otherwise. */
    user: v.optional(word),
    password: v.optional(secretSchema),
  }),
  v.check(
    ({ socket, host }) => socket === undefined || host === undefined,
    'must have a socket or a host, not both',
  ),
)
export type ClientOptions = v.InferOutput<typeof clientTargetSchema>
