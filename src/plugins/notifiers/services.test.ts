import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { AppError, isAppError } from '../../base/errors.ts'
import { instant, plusMs, secondMs } from '../../base/instant.ts'
import { notificationJson } from '../../contracts/notification-json.ts'
import type { Notification, NotificationKind } from '../../contracts/notifier.ts'
import type { Json } from '../../contracts/solver.ts'
import type { HttpReply, HttpRequest } from '../../runtime/http.ts'
import { fakeHttp, textReply } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { sampleNotification } from '../../testing/notifications.ts'
import { createNotifier } from '../registry.ts'
import { plainText } from './text.ts'

const { signal } = new AbortController()

type Sent = { readonly url: string; readonly request: HttpRequest; readonly json: unknown }
type Service = {
  readonly name: string
  readonly options: Readonly<Record<string, Json>>
  /** By environment variable; none of these may be seen anywhere but in a request. */
  readonly secrets: Readonly<Record<string, string>>
  readonly kind?: NotificationKind
  readonly expected: {
    readonly url: string
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly json: unknown
  }
}

const failed = sampleNotification('failed')
const { subject } = failed
const text = plainText(failed)
const html = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const hookUrl = 'https://hooks.example/services/T0AAAAAAA/B0BBBBBBB/cccccccccccc'

const services: readonly Service[] = [
  {
    name: 'webhook',
    options: { url: { env: 'HOOK' }, secret: { env: 'SIGN' } },
    secrets: { HOOK: hookUrl, SIGN: 'signing-key-0123456789' },
    expected: {
      url: hookUrl,
      headers: {
        'certwright-id': failed.id,
        'certwright-timestamp': '1893456000',
        'certwright-signature': `v1=${createHmac('sha256', 'signing-key-0123456789')
          .update(`1893456000.${JSON.stringify(notificationJson(failed))}`)
          .digest('hex')}`,
      },
      json: notificationJson(failed),
    },
  },
  {
    name: 'slack',
    options: { url: { env: 'HOOK' } },
    secrets: { HOOK: hookUrl },
    expected: {
      url: hookUrl,
      json: {
        text: subject,
        attachments: [
          {
            color: 'warning',
            fallback: subject,
            mrkdwn_in: ['text'],
            text: `\`\`\`\n${html.replace('```', "'''")}\n\`\`\``,
          },
        ],
      },
    },
  },
  {
    name: 'matrix',
    options: { homeserver: 'https://matrix.example/', room: '!room:chat.example', token: { env: 'TOKEN' } },
    secrets: { TOKEN: 'syt_0123456789abcdef' },
    expected: {
      url: `https://matrix.example/_matrix/client/v3/rooms/!room%3Achat.example/send/m.room.message/${failed.id}`,
      method: 'PUT',
      headers: { authorization: 'Bearer syt_0123456789abcdef' },
      json: {
        msgtype: 'm.text',
        body: `${subject}\n\n${text}`,
        format: 'org.matrix.custom.html',
        formatted_body: `<strong>${subject}</strong><pre><code>${html.replaceAll('"', '&quot;')}</code></pre>`,
      },
    },
  },
  {
    name: 'telegram',
    options: { chat: -100123, token: { env: 'TOKEN' } },
    secrets: { TOKEN: '12345:abcdefghijklmnop' },
    expected: {
      url: 'https://api.telegram.org/bot12345:abcdefghijklmnop/sendMessage',
      json: {
        chat_id: -100123,
        text: `${subject}\n\n${text}`,
        disable_notification: false,
        link_preview_options: { is_disabled: true },
      },
    },
  },
  {
    name: 'ntfy',
    options: { topic: 'https://ntfy.example/below/topic-9f8e7d6c', token: { env: 'TOKEN' } },
    secrets: { TOKEN: 'tk_0123456789abcdef' },
    expected: {
      url: 'https://ntfy.example/below/',
      headers: { authorization: 'Bearer tk_0123456789abcdef' },
      json: { topic: 'topic-9f8e7d6c', title: subject, message: text, priority: 4, tags: ['warning'] },
    },
  },
  {
    name: 'gotify',
    options: { url: 'https://gotify.example/push/', token: { env: 'TOKEN' } },
    secrets: { TOKEN: 'Axxxxxxxxxxxxxx' },
    expected: {
      url: 'https://gotify.example/push/message',
      headers: { 'x-gotify-key': 'Axxxxxxxxxxxxxx' },
      json: { title: subject, message: text, priority: 5 },
    },
  },
  {
    name: 'pagerduty',
    options: { 'routing-key': { env: 'KEY' } },
    secrets: { KEY: '0123456789abcdef0123456789abcdef' },
    expected: {
      url: 'https://events.pagerduty.com/v2/enqueue',
      json: {
        routing_key: '0123456789abcdef0123456789abcdef',
        event_action: 'trigger',
        dedup_key: 'certwright/web1.test/a.example',
        client: 'certwright',
        payload: {
          summary:
            'a.example: it could not be renewed (2nd attempt since 2029-12-31T00:00:00Z); cause: the CA could not ' +
            'validate a.example; 192.0.2.1: refused <&"> ```; next attempt: 2030-01-01T06:00:00Z (in 6 h); ' +
            'run: certwright apply --only a.example',
          source: 'web1.test',
          severity: 'warning',
          timestamp: '2030-01-01T00:00:00Z',
          component: 'a.example',
          class: 'failed',
          custom_details: notificationJson(failed),
        },
      },
    },
  },
]

type Answer = (url: string, request: HttpRequest) => HttpReply

async function send(
  { name, options, secrets }: Pick<Service, 'name' | 'options' | 'secrets'>,
  notification: Notification,
  answer: Answer = () => textReply(200, 'ok'),
): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  const http = fakeHttp((url, request) => {
    sent.push({ url, request, json: JSON.parse(request.body ?? '') as unknown })
    return answer(url, request)
  })
  const runtime = fakeRuntime({ http }, { variables: secrets })
  await (await createNotifier({ name, options }, runtime)).send(notification, { signal })
  return sent
}

for (const service of services) {
  const { name, secrets, expected } = service
  test(`${name} is sent what its service documents`, async () => {
    const [one, ...more] = await send(service, failed)
    assert.deepEqual(more, [])
    assert.equal(one?.url, expected.url)
    assert.equal(one?.request.method, expected.method ?? 'POST')
    const { 'content-type': type, 'user-agent': agent, ...headers } = one?.request.headers ?? {}
    assert.deepEqual([type, agent], ['application/json', 'certwright'])
    assert.deepEqual(headers, expected.headers ?? {})
    assert.deepEqual(one?.json, JSON.parse(JSON.stringify(expected.json)))
  })

  const echo: Answer = (url, { body, headers }) =>
    textReply(
      400,
      `you sent ${JSON.stringify(Object.values(secrets))} to ${url} with ${JSON.stringify(headers)} and ${body}`,
    )
  const broken = (message: (url: string) => string) => (url: string) => {
    throw new AppError('ERR_NETWORK', message(url), { hint: `see ${url}`, cause: new Error(url) })
  }
  const failures: readonly (readonly [string, Answer, RegExp])[] = [
    [
      'answers 403',
      () => textReply(403, 'invalid\r\n\u001b[31mtoken'),
      /answered 403: invalid \\u\{1b\}\[31mtoken$/,
    ],
    ['sends elsewhere', () => textReply(302, ''), /answered 302$/],
    ['repeats everything it was sent', echo, /answered 400: you sent /],
    ['cannot be reached', broken(url => `POST ${url}: no answer came within 10 s`), /no answer came/],
    ['is cut off', broken(url => `POST ${new URL(url).origin}${new URL(url).pathname}: broke`), /broke/],
  ]
  for (const [what, answer, message] of failures) {
    test(`${name} that ${what} is ERR_NOTIFY, and no secret is in it`, async () => {
      const error = await send(service, failed, answer).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(isAppError(error, 'ERR_NOTIFY'), String(error))
      assert.match(error.message, message)
      assert.match(error.message, new RegExp(`^${name}`))
      assert.notEqual(error.hint, undefined)
      assert.equal(error.cause, undefined)
      for (const secret of Object.values(secrets)) {
        const parts = [secret, ...secret.split('/').filter(part => part.length >= 8 && !part.includes('.'))]
        for (const part of parts) {
          assert.ok(!`${error.message} ${error.hint}`.includes(part), `${part} in ${error.message}`)
        }
      }
    })
  }

  test(`${name} without its secret sends nothing`, async () => {
    await assert.rejects(send({ ...service, secrets: {} }, failed), { code: 'ERR_CONFIG_READ' })
  })
}

const pagerduty = {
  name: 'pagerduty',
  options: { 'routing-key': { env: 'KEY' } },
  secrets: { KEY: 'routing-key' },
}
const events = [
  { kind: 'failed', expected: ['trigger'] },
  { kind: 'expiry-near', expected: ['trigger'] },
  { kind: 'recovered', expected: ['resolve'] },
  { kind: 'renewed', expected: [] },
  { kind: 'test', expected: ['trigger', 'resolve'] },
] as const
for (const { kind, expected } of events) {
  test(`to pagerduty ${kind} is ${expected.join(' and ') || 'nothing'}, under one key`, async () => {
    const sent = await send(pagerduty, sampleNotification(kind))
    const bodies = sent.map(
      ({ json }) => json as { readonly event_action: string; readonly dedup_key: string },
    )
    assert.deepEqual(
      bodies.map(body => body.event_action),
      expected,
    )
    for (const body of bodies) assert.equal(body.dedup_key, 'certwright/web1.test/a.example')
  })
}

test('every certificate has an incident of its own', async () => {
  const items = ['a', 'b', 'c'].map(name => ({ key: name, certificate: name, text: 'failed' }))
  const sent = await send(pagerduty, sampleNotification('failed', { items }))
  assert.deepEqual(
    sent.map(({ json }) => (json as { readonly dedup_key: string }).dedup_key),
    items.map(({ key }) => `certwright/web1.test/${key}`),
  )
})

test('a URL that is a secret must be one', async () => {
  for (const url of [
    'http://hooks.example/x',
    'no URL at all',
    'https://user:pass@hooks.example/',
    'ftp://x/',
  ]) {
    const service = { name: 'slack', options: { url: { env: 'HOOK' } }, secrets: { HOOK: url } }
    await assert.rejects(send(service, failed), (error: unknown) => {
      assert.ok(isAppError(error, 'ERR_CONFIG'))
      assert.ok(!error.message.includes(url))
      return true
    })
  }
})

test('a token with a line break is refused without being shown', async () => {
  const service = { ...services[5], secrets: { TOKEN: 'first-half\r\nsecond-half' } } as Service
  await assert.rejects(send(service, failed), (error: unknown) => {
    assert.ok(isAppError(error, 'ERR_NOTIFY') && !error.message.includes('half'))
    return true
  })
})

test('the signature is over timestamp, dot and body', async () => {
  const { signature } = await import('./webhook.ts')
  const at = plusMs(instant(0), 1_700_000_000 * secondMs)
  assert.equal(
    signature('secret', String(at / secondMs), '{"version":1}'),
    // printf '1700000000.{"version":1}' | openssl dgst -sha256 -hmac secret
    'v1=6c49492c841520e805df0f6652ac4859b2bf8a94b97b7fe2664f0c02e62d2c85',
  )
})
