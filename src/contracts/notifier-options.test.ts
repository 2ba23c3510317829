import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWith } from '../base/schema.ts'
import { heartbeatSchema, notifySchema, parseMailServer } from './notifier-options.ts'

const email = { to: 'a@example.com', via: 'smtp://mail.example' }
const file = { file: '/etc/secret' }

const good: readonly Readonly<Record<string, unknown>>[] = [
  { email },
  {
    email: {
      ...email,
      to: ['a@example.com', 'b@example.com'],
      user: 'u',
      password: file,
      from: 'c@example.com',
    },
  },
  { email: { ...email, via: 'smtp://localhost', starttls: false, user: 'u', password: file } },
  { webhook: { url: 'https://hooks.example/x' } },
  {
    webhook: {
      url: { env: 'URL' },
      secret: { command: ['pass', 'x'] },
      on: ['failed'],
      'at-least': 'warning',
    },
  },
  { slack: { url: file } },
  { matrix: { homeserver: 'https://m.example', room: '!abc:m.example', token: file, trust: '/root.pem' } },
  { telegram: { chat: -1001, token: file } },
  { telegram: { chat: '@channel', token: file } },
  { ntfy: { topic: 'http://127.0.0.1:8080/topic' } },
  { gotify: { url: 'https://g.example', token: file } },
  { pagerduty: { 'routing-key': file } },
  { syslog: {} },
  { exec: { command: ['/usr/local/bin/tell', '--all'] } },
]
for (const entry of good) {
  test(`${JSON.stringify(entry)} is taken as it is`, () => {
    assert.deepEqual(parseWith(notifySchema, [entry]), { ok: true, value: [entry] })
  })
}

const bad: readonly { readonly entry: unknown; readonly path: string; readonly text: RegExp }[] = [
  { entry: {}, path: '0', text: /exactly one of: email, webhook/ },
  { entry: { syslog: {}, email }, path: '0', text: /exactly one of/ },
  { entry: { emial: email }, path: '0.emial', text: /unknown member/ },
  {
    entry: { email: { ...email, to: 'a@example.com\r\nBcc: b@example.com' } },
    path: '0.email.to',
    text: /mail address/,
  },
  { entry: { email: { ...email, to: '"a" <a@example.com>' } }, path: '0.email.to', text: /mail address/ },
  {
    entry: { email: { ...email, to: 'a@example.com, b@example.com' } },
    path: '0.email.to',
    text: /mail address/,
  },
  { entry: { email: { ...email, to: [] } }, path: '0.email.to', text: /at least one/ },
  {
    entry: { email: { ...email, via: 'smtp://user:pass@mail.example' } },
    path: '0.email.via',
    text: /smtp:\/\/HOST/,
  },
  { entry: { email: { ...email, via: 'mail.example:25' } }, path: '0.email.via', text: /smtp:\/\/HOST/ },
  {
    entry: { email: { ...email, via: 'smtp://mail.example:70000' } },
    path: '0.email.via',
    text: /smtp:\/\/HOST/,
  },
  { entry: { email: { ...email, user: 'u' } }, path: '0.email', text: /both user and password/ },
  {
    entry: { email: { ...email, user: 'u', password: 'plain' } },
    path: '0.email.password',
    text: /reference/,
  },
  {
    entry: { email: { ...email, starttls: false, user: 'u', password: file } },
    path: '0.email',
    text: /without TLS/,
  },
  { entry: { webhook: { url: 'http://hooks.example/' } }, path: '0.webhook.url', text: /https URL/ },
  { entry: { webhook: { url: 'https://u:p@hooks.example/' } }, path: '0.webhook.url', text: /https URL/ },
  { entry: { slack: { url: 'https://hooks.example/secret' } }, path: '0.slack.url', text: /reference/ },
  { entry: { slack: { url: file, on: ['fail'] } }, path: '0.slack.on.0', text: /one of renewed, failed/ },
  {
    entry: { matrix: { homeserver: 'https://m.example', room: '#a:m', token: file } },
    path: '0.matrix.room',
    text: /!/,
  },
  { entry: { exec: { command: [] } }, path: '0.exec.command', text: /name a program/ },
]
for (const { entry, path, text } of bad) {
  test(`${JSON.stringify(entry)} is refused at ${path}`, () => {
    const parsed = parseWith(notifySchema, [entry])
    assert.ok(!parsed.ok)
    const issue = parsed.issues.find(one => one.path.join('.') === path)
    assert.match(issue?.text ?? `nothing at ${path} but ${JSON.stringify(parsed.issues)}`, text)
  })
}

const servers = [
  { via: 'smtp://mail.example', expected: { host: 'mail.example', port: 587, implicitTls: false } },
  { via: 'smtp://localhost', expected: { host: 'localhost', port: 25, implicitTls: false } },
  { via: 'smtps://mail.example', expected: { host: 'mail.example', port: 465, implicitTls: true } },
  { via: 'SMTPS://[2001:db8::1]:4650/', expected: { host: '2001:db8::1', port: 4650, implicitTls: true } },
  { via: 'smtp://mail.example:0', expected: undefined },
  { via: 'http://mail.example', expected: undefined },
]
for (const { via, expected } of servers) {
  test(`${via} is ${JSON.stringify(expected) ?? 'no mail server'}`, () => {
    assert.deepEqual(parseMailServer(via), expected)
  })
}

test('a heartbeat is an https URL or a reference to one', () => {
  assert.ok(parseWith(heartbeatSchema, 'https://hc-ping.com/uuid').ok)
  assert.ok(parseWith(heartbeatSchema, file).ok)
  assert.ok(!parseWith(heartbeatSchema, 'http://hc-ping.com/uuid').ok)
})
