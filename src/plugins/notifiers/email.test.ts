import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SmtpScript, type SmtpServer, startSmtpServer } from '../../../test/support/smtp.ts'
import { until } from '../../../test/support/wait.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import type { Notification } from '../../contracts/notifier.ts'
import type { Json } from '../../contracts/solver.ts'
import { nodeRuntime } from '../../runtime/node/runtime.ts'
import { memoryFiles } from '../../testing/memory-files.ts'
import { sampleNotification } from '../../testing/notifications.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { createNotifier } from '../registry.ts'

const node = nodeRuntime()
const authority = await testAuthority(node.clock.now())
const tls = await authority.issue([{ type: 'ip', value: '127.0.0.1' }])
const otherName = await authority.issue([{ type: 'dns', value: 'mail.example' }])
const files = memoryFiles({ clock: node.clock })
await files.put('/root.pem', authority.rootPem)

const password = 'p4ssw0rd "with\\quotes"'
const login = { user: 'certwright', password }
const withLogin = { user: login.user, password: { env: 'PASSWORD' } }
const trust = '/root.pem'

const runtime = { ...node, files, hostName: () => 'web1.test', environment: () => password }

type Sending = {
  readonly options?: Readonly<Record<string, Json>>
  readonly notification?: Notification
  readonly scheme?: 'smtp' | 'smtps'
  readonly signal?: AbortSignal
}

async function send(
  { port }: SmtpServer,
  {
    options = {},
    notification = sampleNotification('failed'),
    scheme = 'smtp',
    signal = new AbortController().signal,
  }: Sending = {},
): Promise<void> {
  const all = { to: 'admin@example.com', via: `${scheme}://127.0.0.1:${port}`, ...options }
  await (await createNotifier({ name: 'email', options: all }, runtime)).send(notification, { signal })
}

test('the mail is plain text that says everything, and says of itself what it is', async () => {
  await using server = await startSmtpServer()
  const to = ['admin@example.com', 'second@example.com']
  await send(server, { options: { to }, notification: sampleNotification('failed', { urgency: 'critical' }) })
  const [mail] = server.mails
  assert.equal(mail?.from, 'certwright@web1.test')
  assert.deepEqual(mail?.to, to)
  const [head = '', body = ''] = mail?.content.split(/\r\n\r\n(.*)/s) ?? []
  const fields = new Map(
    head
      .replaceAll(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map(line => [line.split(': ')[0], line.split(': ').slice(1).join(': ')]),
  )
  for (const [name, value] of [
    ['From', '"Certwright on web1.test" <certwright@web1.test>'],
    ['To', 'admin@example.com, second@example.com'],
    ['Subject', 'certwright on web1.test: failed'],
    ['Date', 'Tue, 01 Jan 2030 00:00:00 +0000'],
    ['Message-ID', '<00112233445566778899aabbccddeeff@web1.test>'],
    ['Auto-Submitted', 'auto-generated'],
    ['X-Certwright', 'failed; critical'],
    ['Importance', 'high'],
    ['Content-Type', 'text/plain; charset=utf-8'],
  ]) {
    assert.equal(fields.get(name), value, head)
  }
  const text = body.replaceAll('=\r\n', '').replaceAll('=3D', '=')
  for (const part of [
    'a.example: it could not be renewed',
    '  run     certwright apply --only a.example',
    'web1.test',
  ]) {
    assert.ok(text.includes(part), text)
  }
})

test('no text becomes a header, an address or the end of the mail', async () => {
  await using server = await startSmtpServer()
  const subject = 'one\r\nBcc: evil@example.com\r\n\r\nbody'
  const items = [{ key: 'a', text: 'first\r\n.\r\nMAIL FROM:<evil@example.com>\r\n.' }]
  await send(server, {
    notification: sampleNotification('failed', { subject, items, host: 'h\r\nBcc: evil@example.com' }),
  })
  assert.equal(server.mails.length, 1)
  const [head = ''] = server.mails[0]?.content.split('\r\n\r\n') ?? []
  assert.doesNotMatch(head, /^Bcc/im)
  assert.deepEqual(server.mails[0]?.to, ['admin@example.com'])
  assert.deepEqual(
    server.lines.filter(line => line.includes('evil')),
    [],
  )
})

const ways: readonly {
  name: string
  script: SmtpScript
  sending: Sending
  encrypted: boolean
  user?: string
}[] = [
  { name: 'plain text to this machine', script: {}, sending: {}, encrypted: false },
  {
    name: 'plain text to this machine, though it offers TLS',
    script: { tls: otherName },
    sending: {},
    encrypted: false,
  },
  {
    name: 'STARTTLS with a root of our own',
    script: { tls },
    sending: { options: { trust } },
    encrypted: true,
  },
  {
    name: 'STARTTLS and a login',
    script: { tls, login },
    sending: { options: { trust, ...withLogin } },
    encrypted: true,
    user: login.user,
  },
  {
    name: 'TLS from the first byte and a login',
    script: { tls, login, implicitTls: true },
    sending: { scheme: 'smtps', options: { trust, ...withLogin } },
    encrypted: true,
    user: login.user,
  },
]
for (const { name, script, sending, encrypted, user } of ways) {
  test(`a mail goes by ${name}`, async () => {
    await using server = await startSmtpServer(script)
    await send(server, sending)
    assert.deepEqual(
      server.mails.map(mail => [mail.encrypted, mail.user]),
      [[encrypted, user]],
    )
  })
}

const echo = (line: string) => `535 5.7.8 you said ${line} and ${password}`
const refusals: readonly {
  name: string
  script: SmtpScript
  sending: Sending
  message: RegExp
  hint: RegExp
}[] = [
  {
    name: 'STARTTLS is not offered where it must be',
    script: {},
    sending: { options: { trust } },
    message: /127\.0\.0\.1:\d+ cannot be used: .*STARTTLS/,
    hint: /starttls: false/,
  },
  {
    name: 'the certificate is for another name',
    script: { tls: otherName },
    sending: { options: { trust } },
    message: /cannot be used: .*(altnames|IP)/,
    hint: /certificate/,
  },
  {
    name: 'nobody we trust vouches for the certificate',
    script: { tls },
    sending: { options: { starttls: true } },
    message: /cannot be used: .*(certificate|issuer)/,
    hint: /trust/,
  },
  {
    name: 'the password is wrong',
    script: { tls, login: { ...login, password: 'other' } },
    sending: { options: { trust, ...withLogin } },
    message: /refuses user and password: .*535 5\.7\.8 no/,
    hint: /user:/,
  },
  {
    name: 'the server repeats the password',
    script: { tls, login, replies: { AUTH: echo } },
    sending: { options: { trust, ...withLogin } },
    message: /refuses user and password: .*you said AUTH PLAIN \[secret\] and \[secret\]/,
    hint: /user:/,
  },
  {
    name: 'the address is refused',
    script: { replies: { RCPT: '550 5.1.1 no such user\r\n' } },
    sending: {},
    message: /did not take the mail: .*550 5\.1\.1 no such user/,
    hint: /addresses/,
  },
  {
    name: 'one of two addresses is refused',
    script: { replies: { RCPT: line => (line.includes('second') ? '550 5.1.1 no such user' : undefined) } },
    sending: { options: { to: ['first@example.com', 'second@example.com'] } },
    message: /refuses second@example\.com: .*no such user/,
    hint: /addresses/,
  },
  {
    name: 'the mail is refused',
    script: { replies: { CONTENT: '554 5.7.1 looks like \u001bspam' } },
    sending: {},
    message: /did not take the mail: .*looks like \\u\{1b\}spam/,
    hint: /log/,
  },
  {
    name: 'the greeting is a refusal',
    script: { replies: { GREETING: '554 5.7.1 go away' } },
    sending: {},
    message: /cannot be used: .*go away/,
    hint: /./,
  },
]
for (const { name, script, sending, message, hint } of refusals) {
  test(`where ${name}, that is said without a secret`, async () => {
    await using server = await startSmtpServer(script)
    const error = await send(server, sending).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(isAppError(error, 'ERR_NOTIFY'), String(error))
    assert.match(error.message, message)
    assert.match(error.hint ?? '', hint)
    assert.equal(error.cause, undefined)
    const base64 = Buffer.from(`\0${login.user}\0${password}`).toString('base64')
    for (const secret of [password, base64]) assert.ok(!error.message.includes(secret), error.message)
    await until('the end of the connection', () => (server.connections() === 0 ? true : undefined))
  })
}

test('a password is never sent in plain text to another machine', async () => {
  const options = { to: 'a@example.com', via: 'smtp://mail.example', starttls: false, ...withLogin }
  await assert.rejects(createNotifier({ name: 'email', options }, runtime), {
    code: 'ERR_CONFIG',
    message: /must not send a password without TLS/,
  })
})

test('a server where nothing listens', async () => {
  await using server = await startSmtpServer()
  const { port } = server
  await server[Symbol.asyncDispose]()
  await assert.rejects(send({ ...server, port }), {
    code: 'ERR_NOTIFY',
    message: /cannot be used: .*ECONNREFUSED/,
  })
})

test('a server that says nothing is left when the time is over', async () => {
  await using server = await startSmtpServer({ replies: { GREETING: '' } })
  const abort = new AbortController()
  const sending = send(server, { signal: abort.signal })
  await until('a connection', () => (server.connections() > 0 ? true : undefined))
  abort.abort(new AppError('ERR_NOTIFY', 'too slow'))
  await assert.rejects(sending, { message: 'too slow' })
  await until('the end of the connection', () => (server.connections() === 0 ? true : undefined))
})
