/** What can be set for each notifier: one schema for the configuration and for the plugin. */
import { isMailAddress } from '../acme/account.ts'
import { v } from '../base/schema.ts'
import { notificationKinds, urgencies } from './notifier.ts'
import { secretSchema } from './secret.ts'
import { isLoopback, secretUrlSchema, serviceUrlSchema } from './service-url.ts'

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const path = v.pipe(text, v.startsWith('/', 'must be an absolute path'))
/** PEM file with the only roots to trust; the system's when absent. */
const trust = v.optional(path)

/** Which notifications a notifier gets; all when absent. Whoever sends looks at these, the notifier itself does not. */
const filter = {
  on: v.optional(v.pipe(v.array(v.picklist(notificationKinds)), v.nonEmpty('must name at least one kind'))),
  'at-least': v.optional(v.picklist(urgencies)),
}

/** What would end a header field, begin another address or hide one. */
// oxlint-disable-next-line no-control-regex -- the controls are the point
const unsafeInAddress = /[\u0000-\u0020\u007f-\u009f"(),:;<>[\\\]]/

const mailAddress = v.pipe(
  v.string(),
  v.check(
    address => isMailAddress(address) && !unsafeInAddress.test(address),
    'is not a mail address such as admin@example.com',
  ),
)

/** Where a mail server listens: `smtp` begins in plain text and goes over to TLS, `smtps` is TLS from the first byte. */
export type MailServer = {
  readonly host: string
  readonly port: number
  readonly implicitTls: boolean
}

/** The server of a `via`, or `undefined` where the text names none. */
export function parseMailServer(via: string): MailServer | undefined {
  const [, scheme, host = '', port] =
    /^(smtps?):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?\/?$/i.exec(via) ?? []
  if (scheme === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return undefined
  const implicitTls = scheme.toLowerCase() === 'smtps'
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  // Submission (RFC 6409, RFC 8314); a mail server on this machine takes mail from it on port 25.
  const usual = implicitTls ? 465 : isLoopback(bare) ? 25 : 587
  return { host: bare, port: port === undefined ? usual : Number(port), implicitTls }
}

const emailOptions = v.pipe(
  v.strictObject({
    to: v.union(
      [mailAddress, v.pipe(v.array(mailAddress), v.nonEmpty('must name at least one address'))],
      'must be a mail address, or a list of them',
    ),
    via: v.pipe(
      v.string(),
      v.check(
        via => parseMailServer(via) !== undefined,
        'must be smtp://HOST[:PORT] or smtps://HOST[:PORT]; user and password have keys of their own',
      ),
    ),
    from: v.optional(mailAddress),
    user: v.optional(text),
    password: v.optional(secretSchema),
    trust,
    /** `false`: send in plain text where the server cannot do better. */
    starttls: v.optional(v.boolean()),
    ...filter,
  }),
  v.check(
    ({ user, password }) => (user === undefined) === (password === undefined),
    'must have both user and password, or neither',
  ),
  v.check(
    ({ starttls, password, via }) => starttls !== false || password === undefined || isLocal(via),
    'must not send a password without TLS: leave starttls out',
  ),
)

function isLocal(via: string): boolean {
  return isLoopback(parseMailServer(via)?.host ?? '')
}

const webhookOptions = v.strictObject({
  url: secretUrlSchema,
  secret: v.optional(secretSchema),
  trust,
  ...filter,
})
const slackOptions = v.strictObject({ url: secretSchema, trust, ...filter })
const matrixOptions = v.strictObject({
  homeserver: serviceUrlSchema,
  room: v.pipe(
    v.string(),
    v.regex(/^!\S+$/, 'must be the internal id of the room, which begins with ! (see its settings)'),
  ),
  token: secretSchema,
  trust,
  ...filter,
})
const telegramOptions = v.strictObject({
  /** A number, or `@name` of a channel. */
  chat: v.union(
    [v.pipe(v.number(), v.integer()), text],
    'must be the number of a chat, or @name of a channel',
  ),
  token: secretSchema,
  /** A Bot API server of one's own. */
  server: v.optional(serviceUrlSchema),
  ...filter,
})
const ntfyOptions = v.strictObject({
  topic: secretUrlSchema,
  token: v.optional(secretSchema),
  trust,
  ...filter,
})
const gotifyOptions = v.strictObject({ url: serviceUrlSchema, token: secretSchema, trust, ...filter })
const pagerdutyOptions = v.strictObject({
  'routing-key': secretSchema,
  /** Where events go; for the EU region `https://events.eu.pagerduty.com`. */
  server: v.optional(serviceUrlSchema),
  ...filter,
})
const syslogOptions = v.strictObject(filter)
const execOptions = v.strictObject({
  command: v.pipe(v.array(text), v.nonEmpty('must name a program')),
  ...filter,
})

/** The options of every notifier by name. @internal */
export const notifierOptions = {
  email: emailOptions,
  webhook: webhookOptions,
  slack: slackOptions,
  matrix: matrixOptions,
  telegram: telegramOptions,
  ntfy: ntfyOptions,
  gotify: gotifyOptions,
  pagerduty: pagerdutyOptions,
  syslog: syslogOptions,
  exec: execOptions,
} as const

export type NotifierName = keyof typeof notifierOptions
export type NotifierOptions<Name extends NotifierName> = v.InferOutput<(typeof notifierOptions)[Name]>

const names = Object.keys(notifierOptions)

/** Schema of `notify:` in the configuration: `- email: { to: …, via: … }`, one notifier in each entry. @internal */
export const notifySchema = v.array(
  v.pipe(
    v.strictObject({
      email: v.optional(emailOptions),
      webhook: v.optional(webhookOptions),
      slack: v.optional(slackOptions),
      matrix: v.optional(matrixOptions),
      telegram: v.optional(telegramOptions),
      ntfy: v.optional(ntfyOptions),
      gotify: v.optional(gotifyOptions),
      pagerduty: v.optional(pagerdutyOptions),
      syslog: v.optional(syslogOptions),
      exec: v.optional(execOptions),
    } satisfies Record<NotifierName, unknown>),
    v.check(entry => Object.keys(entry).length === 1, `must have exactly one of: ${names.join(', ')}`),
  ),
)
export type NotifyEntry = v.InferOutput<typeof notifySchema>[number]

/** Schema of `heartbeat:` in the configuration. @internal */
export const heartbeatSchema = secretUrlSchema
