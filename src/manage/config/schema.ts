/** The shape of the configuration files. `config schema` prints it as JSON Schema. */
import { isMailAddress } from '../../acme/account.ts'
import { parseIpAddress } from '../../acme/identifier.ts'
import { v } from '../../base/schema.ts'
import { heartbeatSchema, notifySchema } from '../../contracts/notifier-options.ts'
import { secretSchema } from '../../contracts/secret.ts'
import { deploySchema } from '../../contracts/target-options.ts'
import { accountKeyAlgorithms, keyTypes } from '../../x509/key-types.ts'
import { isLimit, limitNames } from '../limits/limit.ts'
import { pairedKeyTypes } from '../pair.ts'
import { endpointsSchema } from './endpoints.ts'
import { hooksSchema } from './hooks.ts'
import { parseListenAddress } from './listen-address.ts'
import { isRenewAt, isTimeZone, isWindow } from './renew.ts'

const maxPort = 65_535

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`. */
function isServer(value: string): boolean {
  if (parseIpAddress(value) !== undefined) return true
  const [, address = '', port] = /^(.+):(\d{1,5})$/.exec(value) ?? []
  const bare = address.startsWith('[') ? address.slice(1, -1) : address
  return parseIpAddress(bare) !== undefined && Number(port) >= 1 && Number(port) <= maxPort
}

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const path = v.pipe(text, v.startsWith('/', 'must be an absolute path'))

const authorityFields = { trust: v.optional(path), roots: v.optional(path) }
const oneAuthority = v.union(
  [text, v.strictObject({ directory: text, ...authorityFields })],
  'must be a name, a URL, or { directory: URL, trust: FILE }',
)
const authoritySchema = v.union(
  [oneAuthority, v.pipe(v.array(oneAuthority), v.nonEmpty('must name at least one CA'))],
  'must be a name, a URL, { directory: URL, trust: FILE }, or a list of them in the order in which they are tried',
)

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxPort))
const http01Schema = v.pipe(
  v.strictObject({
    webroot: v.optional(path),
    standalone: v.optional(
      v.union(
        [v.literal(true), v.strictObject({ port: v.optional(port), addresses: v.optional(v.array(text)) })],
        'must be true, or { port: NUMBER, addresses: [ADDRESS, ...] }',
      ),
    ),
    'self-check': v.optional(v.boolean()),
    port: v.optional(port),
  }),
  v.check(
    ({ webroot, standalone }) => (webroot === undefined) !== (standalone === undefined),
    'must have either webroot or standalone',
  ),
)
const solver = { 'http-01': http01Schema }
const solverSchema = v.strictObject(solver)
const solversSchema = v.union(
  [
    solverSchema,
    v.pipe(
      v.array(
        v.strictObject({
          for: v.optional(v.pipe(v.array(text), v.nonEmpty('must name at least one identifier'))),
          ...solver,
        }),
      ),
      v.nonEmpty('must have at least one rule'),
    ),
  ],
  'must be { http-01: { ... } }, or a list of them, each with the names it is for',
)

const renewSchema = v.strictObject({
  at: v.optional(
    v.pipe(
      v.string(),
      v.check(isRenewAt, 'must be a time before the end such as 30 d, or a share of the life such as 1/3'),
    ),
  ),
  windows: v.optional(
    v.array(v.pipe(v.string(), v.check(isWindow, 'must be days and times such as "mon-fri 02:00-05:00"'))),
  ),
})

const key = v.union(
  [
    v.picklist(keyTypes),
    v.pipe(
      v.array(v.picklist(keyTypes)),
      v.check(types => pairedKeyTypes(types) !== undefined, 'must be one ECDSA and one RSA kind of key'),
    ),
  ],
  ({ received }) =>
    `must be one of ${keyTypes.join(', ')}, or a list of one ECDSA and one RSA kind, found ${received}`,
)
const request = {
  key: v.optional(key),
  'reuse-key': v.optional(v.boolean()),
  profile: v.optional(text),
  'preferred-chain': v.optional(text),
  'must-staple': v.optional(v.boolean()),
  solvers: v.optional(solversSchema),
  deploy: v.optional(deploySchema),
  hooks: v.optional(hooksSchema),
  renew: v.optional(renewSchema),
}

export const certificateSchema = v.strictObject({
  identifiers: v.optional(v.pipe(v.array(text), v.nonEmpty('must name at least one identifier'))),
  csr: v.optional(path),
  authority: v.optional(authoritySchema),
  ...request,
})

export const accountSchema = v.strictObject({
  email: v.optional(
    v.pipe(v.string(), v.check(isMailAddress, 'is not a mail address such as admin@example.com')),
  ),
  'agree-to-terms': v.optional(v.boolean()),
  key: v.optional(v.picklist(accountKeyAlgorithms)),
  'external-account': v.optional(
    v.strictObject({
      'key-id': text,
      'hmac-key': secretSchema,
      algorithm: v.optional(v.picklist(['HS256', 'HS384', 'HS512'])),
    }),
  ),
})

const limitSchema = v.pipe(
  v.string(),
  v.check(isLimit, 'must be how many in which time, such as 300 / 3 h, or none'),
)

/** A CA by a name of one's own, or one that is known with what is special here. */
const namedAuthoritySchema = v.strictObject({
  directory: v.optional(text),
  ...authorityFields,
  account: v.optional(accountSchema),
  limits: v.optional(
    v.strictObject(Object.fromEntries(limitNames.map(name => [name, v.optional(limitSchema)]))),
  ),
})

const daemonSchema = v.strictObject({
  metrics: v.optional(
    v.pipe(
      v.string(),
      v.check(
        value => parseListenAddress(value) !== undefined,
        'must be an IP address and a port such as 127.0.0.1:9402',
      ),
    ),
  ),
  'metrics-file': v.optional(path),
})

/** One configuration file; drop-ins have the same form and usually only `certificates`. */
export const fileSchema = v.strictObject({
  authority: v.optional(authoritySchema),
  authorities: v.optional(v.record(text, namedAuthoritySchema)),
  account: v.optional(accountSchema),
  'time-zone': v.optional(v.pipe(text, v.check(isTimeZone, 'is not a time zone such as Europe/Berlin'))),
  resolvers: v.optional(
    v.array(v.pipe(v.string(), v.check(isServer, 'must be an IP address, or ADDRESS:PORT'))),
  ),
  defaults: v.optional(v.strictObject(request)),
  notify: v.optional(notifySchema),
  heartbeat: v.optional(heartbeatSchema),
  daemon: v.optional(daemonSchema),
  endpoints: v.optional(endpointsSchema),
  certificates: v.optional(v.record(text, v.nullable(certificateSchema))),
})

export type ConfigFile = v.InferOutput<typeof fileSchema>
export type CertificateEntry = v.InferOutput<typeof certificateSchema>
export type SolverEntry = v.InferOutput<typeof solverSchema>
export type AuthorityEntry = v.InferOutput<typeof authoritySchema>
