/** Mail by SMTP. The only file that knows the mail library, which is loaded when a mail is sent. */
import type { SMTPConnectionOptions, default as SmtpConnection } from 'nodemailer/lib/smtp-connection'
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts'
import { secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { withoutSecrets } from '../../base/redact.ts'
import type { Notification, Notifier, NotifierRuntime } from '../../contracts/notifier.ts'
import { type MailServer, type NotifierOptions, parseMailServer } from '../../contracts/notifier-options.ts'
import { readSecret } from '../../contracts/secret.ts'
import { isLoopback } from '../../contracts/service-url.ts'
import { readTrust } from './exchange.ts'
import { plainText } from './text.ts'

/** Some servers keep senders waiting before they greet. */
const withinMs = 30 * secondMs
const dnsTimeoutMs = 5 * secondMs
const connectTimeoutMs = 10 * secondMs

/** A notifier that sends a plain-text mail to one or more addresses. */
export function createEmailNotifier(options: NotifierOptions<'email'>, runtime: NotifierRuntime): Notifier {
  return {
    name: 'email',
    withinMs,
    send: async (notification, { signal }) => {
      const server = parseMailServer(options.via)
      if (server === undefined) throw new TypeError('the schema admits only good servers')
      const password =
        options.password === undefined ? undefined : await readSecret(options.password, runtime)
      const trustPem = options.trust === undefined ? undefined : await readTrust(options.trust, runtime)
      const message = await composeMail(notification, envelopeOf(options, runtime))
      const login = options.user === undefined ? undefined : { user: options.user, pass: password }
      await deliver(message, { ...options, server, trustPem, login, name: runtime.hostName(), signal })
    },
  }
}

type Envelope = { readonly from: string; readonly to: readonly string[] }

function envelopeOf({ from, to }: NotifierOptions<'email'>, { hostName }: NotifierRuntime): Envelope {
  return { from: from ?? `certwright@${hostName()}`, to: typeof to === 'string' ? [to] : to }
}

type Mail = Envelope & { readonly content: Uint8Array }

/** The library encodes and folds; no text of ours reaches a header with a line break in it. */
async function composeMail(notification: Notification, { from, to }: Envelope): Promise<Mail> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const { id, kind, urgency, at, host, subject } = notification
  const composer = new MailComposer({
    from: { name: `Certwright on ${host}`, address: from },
    to: to.map(address => ({ name: '', address })),
    subject: printable(subject),
    date: new Date(at),
    messageId: `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
    headers: {
      'Auto-Submitted': 'auto-generated', // RFC 3834: no vacation notes, please
      'X-Certwright': `${kind}; ${urgency}`,
      ...(urgency === 'critical' && { Importance: 'high' }),
    },
    text: `${subject}\n\n${plainText(notification)}\n\n-- \nThis is Certwright on ${host}. To see all certificates: certwright status\n`,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return { from, to, content: await composer.compile().build() }
}

type Delivery = Pick<NotifierOptions<'email'>, 'starttls'> & {
  readonly server: MailServer
  readonly trustPem: string | undefined
  readonly login: { readonly user: string; readonly pass: string | undefined } | undefined
  /** What we say in EHLO. */
  readonly name: string
  readonly signal: AbortSignal
}

async function deliver({ from, to, content }: Mail, delivery: Delivery): Promise<void> {
  const { server, login, signal } = delivery
  const { default: Connection } = await import('nodemailer/lib/smtp-connection')
  const connection: SmtpConnection = new Connection(connectionOptions(delivery))
  const refuse = (what: string, error: unknown) =>
    failure(`${server.host}:${server.port} ${what}`, error, login)
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {}) // seen by whichever step is under way
  let usable = false
  const fail = (error: unknown): void => {
    usable = false
    reject(error)
  }
  const onAbort = (): void => fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  connection.on('error', fail)
  const step = async <T>(
    what: string,
    begin: (done: (error?: unknown, result?: T) => void) => void,
  ): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    // The library leaves the result out where it has an error.
    begin((error, result) => (error ? reject(error) : resolve(result as T)))
    try {
      return await Promise.race([promise, broken])
    } catch (error) {
      throw signal.aborted ? signal.reason : refuse(what, error)
    }
  }
  try {
    signal.throwIfAborted()
    await step('cannot be used', done => connection.connect(done))
    usable = true
    if (login !== undefined) await step('refuses user and password', done => connection.login(login, done))
    const sent = await step<{ rejected: string[]; rejectedErrors?: Error[] | undefined }>(
      'did not take the mail',
      done => connection.send({ from, to: [...to] }, Buffer.from(content), done),
    )
    const [first] = sent.rejectedErrors ?? []
    if (sent.rejected.length > 0) throw refuse(`refuses ${sent.rejected.join(', ')}`, first)
  } finally {
    if (usable) connection.quit()
    else connection.close()
    signal.removeEventListener('abort', onAbort)
  }
}

function connectionOptions({ server, starttls, trustPem, name }: Delivery): SMTPConnectionOptions {
  // To this machine itself plain text is as good, and the certificate there is usually for some other name.
  const local = isLoopback(server.host) && trustPem === undefined
  const mustEncrypt = starttls ?? !local
  return {
    host: server.host,
    port: server.port,
    name,
    secure: server.implicitTls,
    requireTLS: mustEncrypt && !server.implicitTls,
    ignoreTLS: !mustEncrypt,
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(trustPem !== undefined && { ca: trustPem }) },
    dnsTimeout: dnsTimeoutMs,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: withinMs,
    socketTimeout: withinMs,
  }
}

function failure(what: string, error: unknown, login: Delivery['login']): AppError {
  const { user = '', pass = '' } = login ?? {}
  const encoded = [pass, `\0${user}\0${pass}`].map(text => Buffer.from(text).toString('base64'))
  const said = printable(withoutSecrets(messageOf(error), [pass, ...encoded]), 400)
  const hint = hintFor(systemCodeOf(error), said)
  // Without the cause: its message may have the password in it.
  return new AppError('ERR_NOTIFY', `email: ${what}: ${said}`, { hint })
}

function hintFor(code: string | undefined, said: string): string {
  // Whatever goes wrong in a handshake is an error of the socket to the library.
  if (code === 'ETLS' || (code === 'ESOCKET' && /certificate|altname|ssl|tls/i.test(said))) return tlsHint
  return hints[code ?? ''] ?? 'see the log of the mail server'
}

const tlsHint =
  'the server must offer TLS with a certificate for that name; trust: FILE gives a root of your own, starttls: false sends in plain text'
const connectHint = 'see that host and port of via: are right and that no firewall is in between'

/** By the codes of the library. */
const hints: Readonly<Record<string, string>> = {
  EAUTH: 'see that user: is right, and what is at the place that password: refers to',
  EDNS: 'see that the host in via: is spelled right',
  ECONNECTION: connectHint,
  ESOCKET: connectHint,
  ECONNREFUSED: connectHint,
  ETIMEDOUT: connectHint,
  EENVELOPE: 'see that to: and from: are addresses that this server takes',
}
