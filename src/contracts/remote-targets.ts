/** What can be set for the targets that bring the certificate to other machines. */
import { v } from '../base/schema.ts'
import { absolutePath, commandSchema, endpointEntries, hasFiles, targetWithFiles } from './files-target.ts'
import { secretSchema } from './secret.ts'
import { serviceUrlSchema } from './service-url.ts'

const maxPort = 65_535
const maxNameLength = 253

const host = v.pipe(
  v.string(),
  v.regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.:-]*$/, 'must be a host name, an address, or a name from ~/.ssh/config'),
)
const user = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/, 'is not the name of a user'))

/** Schema of `ssh:`. @internal */
export const sshTargetSchema = v.pipe(
  targetWithFiles({
    host,
    user: v.optional(user),
    port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxPort))),
    'identity-file': v.optional(absolutePath),
    'known-hosts-file': v.optional(absolutePath),
    reload: v.optional(commandSchema),
  }),
  v.check(
    target => hasFiles(target),
    'must have a directory, or files with absolute paths: where they go on that machine',
  ),
)

/** Names of objects in a cluster (RFC 1123). */
const objectName = v.pipe(
  v.string(),
  v.check(
    name => name.length <= maxNameLength && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name),
    'must be a name of lower-case letters, digits, hyphens and dots',
  ),
)

/** Schema of `kubernetes:`. @internal */
export const kubernetesTargetSchema = v.strictObject({
  namespace: objectName,
  secret: objectName,
  server: v.optional(serviceUrlSchema),
  token: v.optional(secretSchema),
  'ca-file': v.optional(absolutePath),
  /** Take over what others have written there. */
  force: v.optional(v.boolean()),
  ...endpointEntries,
})

/** Segments without anything that means something else in a URL. */
const vaultPath = v.pipe(
  v.string(),
  v.check(
    path => /^[\w.~-]+(\/[\w.~-]+)*$/.test(path) && !/(^|\/)\.\.?(\/|$)/.test(path),
    'must be a path such as secret/tls, without a slash at its ends',
  ),
)

/** What a field of a secret may hold: texts only. */
const fieldFormats = ['cert', 'chain', 'fullchain', 'key', 'combined', 'combined-chain-first'] as const

/** Schema of `vault:`. @internal */
export const vaultTargetSchema = v.strictObject({
  address: serviceUrlSchema,
  mount: vaultPath,
  path: vaultPath,
  token: secretSchema,
  'kv-version': v.optional(v.picklist([1, 2], 'must be 1 or 2')),
  namespace: v.optional(vaultPath),
  'ca-file': v.optional(absolutePath),
  fields: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.nonEmpty('must not be empty')), v.picklist(fieldFormats)),
      v.check(fields => Object.keys(fields).length > 0, 'must name at least one field'),
    ),
  ),
  ...endpointEntries,
})
