/**
 * A CA, or something that answers in its place, does everything wrong: each answer ends in a message that says what was
 * asked and what came, in an exit code, and with the old certificate as it was.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dayMs, hourMs, instant, plusMs } from '../../src/base/instant.ts'
import { nodeClock } from '../../src/runtime/node/clock.ts'
import { createLocalIssuer } from '../../src/server/index.ts'
import { generateKey, privateKeyPem } from '../../src/x509/key.ts'
import { encodePem } from '../../src/x509/pem.ts'
import {
  assertRefused,
  type Bench,
  goodConfig,
  kept,
  makeTemplate,
  type Refusal,
  startCaFor,
  type Template,
} from '../support/bench.ts'
import {
  altered,
  body,
  chain,
  type HostileCa,
  type HostileCaOptions,
  lost,
  type Mischief,
  page,
  problem,
  resigned,
  withFields,
} from '../support/hostile-ca.ts'

const timeout = 60_000
let template: Template
before(async () => {
  template = await makeTemplate()
})
after(() => template[Symbol.asyncDispose]())

type Row = Omit<Refusal, 'exit'> & {
  readonly name: string
  readonly exit?: Refusal['exit']
  readonly mischief?: Mischief
  readonly options?: HostileCaOptions['options']
  readonly tlsName?: string
  /** What stands in `account` beside the address. */
  readonly account?: string
  /** Whether a person would have to wait: then it runs in this process, on a clock that does not. */
  readonly waits?: boolean
  /** Certificates that the CA signed in vain. */
  readonly issued?: number
  /** How often a resource may be asked: every try costs something there. */
  readonly asked?: Readonly<Partial<Record<'new-order' | 'finalize' | 'new-account', number>>>
}

const bel = String.fromCodePoint(7)
const escape = String.fromCodePoint(0x1b)
const deep = '['.repeat(100_000) + ']'.repeat(100_000)
const huge = new Uint8Array(10 * 1024 * 1024).fill(0x20)
const now = instant(Date.now())
const noAcme = /does not speak ACME; check the directory URL/
const report = /the earlier certificate stays in use; report this to the CA/
const pem = { type: 'application/pem-certificate-chain' }
const elsewhere = 'https://evil.example/x'
const having = (change: Record<string, unknown>) => altered(json => ({ ...json, ...change }))
const challenges = (change: Record<string, unknown>) =>
  altered(json => ({
    ...json,
    challenges: (json['challenges'] as readonly object[]).map(challenge => ({ ...challenge, ...change })),
  }))

const refused = (json: Record<string, unknown>) => ({
  ...json,
  status: 'invalid',
  challenges: (json['challenges'] as readonly object[]).map(challenge => ({
    ...challenge,
    status: 'invalid',
    error: { type: 'urn:ietf:params:acme:error:dns', detail: `no ${escape}[31mA\nrecord` },
  })),
})

const rows: readonly Row[] = [
  // The directory.
  {
    name: 'a page in place of the directory',
    mischief: { directory: page(200) },
    says: /sent HTTP 200, text\/html: "<!DOCTYPE/,
    hint: noAcme,
  },
  {
    name: 'a page with 404',
    mischief: { directory: page(404) },
    says: /refused to send its directory: HTTP 404/,
    hint: /directory URL is right/,
  },
  {
    name: 'a page with 502',
    mischief: { directory: page(502) },
    waits: true,
    says: /HTTP 502, text\/html/,
    hint: /later/,
  },
  {
    name: '500 for ever',
    mischief: { directory: problem('serverInternal', 'ouch', { status: 500 }) },
    waits: true,
    says: /serverInternal: ouch/,
    hint: /later/,
  },
  {
    name: 'garbage',
    mischief: { directory: body(new Uint8Array([0xff, 0, 0x1b, 0x5b])) },
    says: /sent what is no JSON/,
    hint: noAcme,
  },
  {
    name: 'truncated JSON',
    mischief: { directory: body('{"newNonce": "https://') },
    says: /sent what is no JSON/,
    hint: noAcme,
  },
  { name: 'nothing', mischief: { directory: body('') }, says: /sent what is no JSON/, hint: noAcme },
  {
    name: 'a list',
    mischief: { directory: body('[]') },
    says: /asked to send its directory, but/,
    hint: noAcme,
  },
  {
    name: 'ten megabytes',
    mischief: { directory: body(huge) },
    says: /larger than 65536 bytes/,
    hint: noAcme,
  },
  {
    name: 'JSON a hundred thousand levels deep',
    mischief: { directory: body(`{"meta":${deep.slice(70_000, 130_000)}}`) },
    says: /deeper than 16 levels|no JSON/,
    hint: noAcme,
  },
  {
    name: 'another content type',
    mischief: { directory: body('{}', { type: 'text/plain' }) },
    says: /text\/plain: "\{\}" in place of application\/json/,
    hint: noAcme,
  },
  {
    name: 'no newOrder',
    mischief: { directory: having({ newOrder: undefined }) },
    says: /newOrder: is missing/,
    hint: noAcme,
  },
  {
    name: 'URLs of another origin',
    mischief: { directory: having({ newOrder: elsewhere }) },
    says: /newOrder https:\/\/evil\.example\/x is not at/,
    hint: /only to the host of the directory/,
  },
  {
    name: 'a redirect in a circle',
    mischief: { directory: body('', { status: 302, headers: { location: '/directory' } }) },
    says: /more than 3 redirects/,
    hint: noAcme,
  },
  {
    name: 'a redirect elsewhere',
    mischief: { directory: body('', { status: 302, headers: { location: elsewhere } }) },
    says: /the Location https:\/\/evil\.example\/x is not at/,
    hint: /host of the directory/,
  },
  {
    name: 'a TLS certificate for another name',
    tlsName: 'ca.example',
    waits: true,
    says: /its certificate is for another name \(ca\.example\)/,
    hint: /name in the URL is right/,
  },
  {
    name: 'connections that break',
    mischief: { directory: () => 'reset' },
    waits: true,
    says: /could not be asked to send its directory: .*the connection broke/,
    hint: /later/,
  },

  // Nonces.
  {
    name: 'no nonce',
    mischief: { 'new-nonce': withFields({ 'replay-nonce': undefined }) },
    says: /asked to send a nonce and sent no usable Replay-Nonce/,
    hint: noAcme,
  },
  {
    name: 'a nonce that is none',
    mischief: { 'new-nonce': withFields({ 'replay-nonce': 'a b' }) },
    says: /no usable Replay-Nonce field/,
    hint: noAcme,
  },
  {
    name: 'badNonce for ever',
    mischief: { 'new-account': problem('badNonce', 'never seen', { status: 400 }) },
    says: /refused to register an account: badNonce: never seen/,
    hint: /later/,
    asked: { 'new-account': 11 },
  },

  // The account.
  {
    name: 'terms that were not agreed to',
    options: { termsOfService: 'https://ca.example/terms' },
    account: 'agree-to-terms: false',
    exit: 1,
    says: /terms of service that must be agreed to: https:\/\/ca\.example\/terms/,
    hint: /--agree-terms/,
    asked: { 'new-account': 0 },
  },
  {
    name: 'an external account that is wanted',
    options: { externalAccounts: new Map([['k', new Uint8Array(32)]]) },
    says: /only accounts that are bound to one at the CA/,
    hint: /key id and an HMAC key/,
    asked: { 'new-account': 0 },
  },
  {
    name: 'an external account that it does not tell of',
    mischief: { 'new-account': problem('externalAccountRequired', 'bind it') },
    says: /externalAccountRequired: bind it/,
    hint: /key id and an HMAC key/,
  },
  {
    name: 'an external account with a secret that is not there',
    options: { externalAccounts: new Map([['k', new Uint8Array(32)]]) },
    account: 'external-account: { key-id: k, hmac-key: { file: /nonexistent } }',
    says: /there is no secret at the file \/nonexistent/,
    hint: /change the reference/,
    asked: { 'new-account': 0 },
  },
  {
    name: 'an external account with an unknown key id',
    options: { externalAccounts: new Map([['k', new Uint8Array(32)]]) },
    account:
      'external-account: { key-id: z, hmac-key: { command: [/bin/echo, c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0] } }',
    says: /refused to register an account: \w+: /,
    hint: /./,
  },
  {
    name: 'no Location',
    mischief: { 'new-account': withFields({ location: undefined }) },
    says: /asked to register an account and sent no Location field/,
    hint: noAcme,
  },
  {
    name: 'an account elsewhere',
    mischief: { 'new-account': withFields({ location: elsewhere }) },
    says: /the Location https:\/\/evil/,
    hint: /host of the directory/,
  },
  {
    name: 'a page in place of the account',
    mischief: { 'new-account': page(200) },
    says: /asked to register an account and sent HTTP 200, text\/html/,
    hint: noAcme,
  },
  {
    name: 'a deactivated account',
    mischief: { 'new-account': altered(json => ({ ...json, status: 'deactivated' })) },
    says: /has been deactivated/,
    hint: /account register --new/,
  },
  {
    name: 'an account with an unknown status',
    mischief: { 'new-account': altered(json => ({ ...json, status: 'happy' })) },
    says: /register an account, but .*status/,
    hint: noAcme,
  },
  {
    name: 'an account that was deactivated since',
    mischief: { 'new-order': problem('unauthorized', 'account is deactivated', { status: 401 }) },
    says: /unauthorized: account is deactivated/,
    hint: /account show/,
  },
  {
    name: 'new terms',
    mischief: {
      'new-order': problem('userActionRequired', 'new terms', { instance: 'https://ca.example/agree' }),
    },
    says: /userActionRequired: new terms/,
    hint: /see https:\/\/ca\.example\/agree/,
  },
  {
    name: 'a reason with terminal escapes and line feeds',
    mischief: {
      'new-account': problem('malformed', `${escape}]0;owned${bel}\nerror: all is well\n\u202eopposite`),
    },
    says: /malformed: \\u\{1b\}\]0;owned\\u\{7\}\\u\{a\}error: all is well\\u\{a\}\\u\{202e\}opposite/,
    hint: /./,
  },
  {
    name: 'a reason of ten thousand characters',
    mischief: { 'new-account': problem('malformed', 'no '.repeat(3_333)) },
    says: /(?:no ){200}.{0,600}…/,
    hint: /./,
  },
  {
    name: 'a reason of another form',
    mischief: {
      'new-account': body('{"type":7,"detail":{"a":1}}', { status: 403, type: 'application/problem+json' }),
    },
    says: /refused to register an account: without explanation/,
    hint: /./,
  },

  // The order.
  {
    name: 'limits for a day',
    mischief: {
      'new-order': problem('rateLimited', 'too many', { status: 429, headers: { 'retry-after': '86400' } }),
    },
    says: /rateLimited: too many/,
    hint: /not before \d{4}-\d\d-\d\dT/,
    asked: { 'new-order': 1 },
  },
  {
    name: 'limits until a date',
    mischief: {
      'new-order': problem('rateLimited', 'too many', {
        status: 429,
        headers: { 'retry-after': new Date(now + 3 * hourMs).toUTCString() },
      }),
    },
    says: /rateLimited: too many/,
    hint: /not before \d{4}-\d\d-\d\dT/,
    asked: { 'new-order': 1 },
  },
  {
    name: 'being away for hours',
    mischief: {
      'new-order': problem('serverInternal', 'maintenance', {
        status: 503,
        headers: { 'retry-after': '7200' },
      }),
    },
    says: /maintenance/,
    hint: /not before \d{4}/,
  },
  {
    name: 'a name that it refuses',
    mischief: {
      'new-order': problem('rejectedIdentifier', 'policy', {
        subproblems: [
          {
            type: 'urn:ietf:params:acme:error:rejectedIdentifier',
            detail: 'on our list',
            identifier: { type: 'dns', value: kept },
          },
        ],
      }),
    },
    says: /rejectedIdentifier: policy \(kept\.example: on our list\)/,
    hint: /other names/,
  },
  {
    name: 'no Location of the order',
    mischief: { 'new-order': withFields({ location: undefined }) },
    says: /create an order for kept\.example and sent no Location/,
    hint: noAcme,
  },
  {
    name: 'an order to be finalized elsewhere',
    mischief: { 'new-order': having({ finalize: elsewhere }) },
    says: /the finalize URL https:\/\/evil/,
    hint: /host of the directory/,
    asked: { finalize: 0 },
  },
  {
    name: 'authorizations elsewhere',
    mischief: { 'new-order': having({ authorizations: [elsewhere] }) },
    says: /an authorization https:\/\/evil/,
    hint: /host of the directory/,
  },
  {
    name: 'plain http',
    mischief: {
      'new-order': altered((json, { ca }) => ({
        ...json,
        finalize: `${ca.origin.replace('https', 'http')}/order/1/finalize`,
      })),
    },
    says: /the finalize URL http:/,
    hint: /host of the directory/,
  },
  {
    name: 'an order without authorizations',
    mischief: { 'new-order': having({ authorizations: undefined }) },
    says: /authorizations/,
    hint: noAcme,
  },
  {
    name: 'an order for other names',
    mischief: { 'new-order': having({ identifiers: [{ type: 'dns', value: 'evil.example' }] }) },
    says: /asked for kept\.example and made an order for evil\.example/,
    hint: /./,
    asked: { finalize: 0 },
  },
  {
    name: 'an unknown status',
    mischief: { 'new-order': having({ status: 'thinking' }) },
    says: /status: must be one of pending, ready, processing, valid, invalid, found "thinking"/,
    hint: noAcme,
  },
  {
    name: 'an order that is invalid without a reason',
    mischief: { order: having({ status: 'invalid' }) },
    says: /declared the order invalid: without saying why/,
    hint: /makes a new order/,
  },
  {
    name: 'an order that stays pending',
    mischief: { order: altered(json => ({ ...json, status: 'pending' }), { 'retry-after': undefined }) },
    waits: true,
    says: /the order is still pending after 10 min/,
    hint: /continues the same order/,
  },
  {
    name: 'an order that stays processing',
    mischief: {
      finalize: altered(json => ({ ...json, status: 'processing' }), { 'retry-after': undefined }),
      order: altered(json => ({ ...json, ...(json['status'] === 'valid' && { status: 'processing' }) }), {
        'retry-after': undefined,
      }),
    },
    waits: true,
    issued: 1,
    says: /the order is still processing after 10 min/,
    hint: /continues the same order/,
    asked: { finalize: 1 },
  },
  {
    name: 'an order to look at again in a day',
    mischief: { finalize: altered(json => ({ ...json, status: 'processing' }), { 'retry-after': '86400' }) },
    issued: 1,
    says: /the order is still processing, and the CA asks to look again at \d{4}/,
    hint: /not before \d{4}/,
  },
  {
    name: 'an order that is ready for ever',
    mischief: {
      finalize: altered(json => ({ ...json, status: 'ready' })),
      order: altered(json => ({ ...json, ...(json['status'] !== 'pending' && { status: 'ready' }) }), {
        'retry-after': undefined,
      }),
    },
    waits: true,
    issued: 1,
    says: /the order is still ready after 10 min/,
    hint: /continues the same order/,
    asked: { finalize: 1 },
  },

  // Authorizations and challenges.
  {
    name: 'an authorization for another name',
    mischief: { authorization: having({ identifier: { type: 'dns', value: 'evil.example' } }) },
    says: /wants control over evil\.example proven, which was not ordered/,
    hint: /./,
  },
  {
    name: 'an authorization for a wildcard',
    mischief: { authorization: having({ wildcard: true }) },
    says: /wants control over \*\.kept\.example proven, which was not ordered/,
    hint: /./,
  },
  {
    name: 'a token that leads out of the webroot',
    mischief: { authorization: challenges({ token: '../../../../etc/cron.d/certwright' }) },
    says: /challenges\.0\.token: is not a base64url token of at least 128 bits/,
    hint: noAcme,
  },
  {
    name: 'a token with a slash',
    mischief: { authorization: challenges({ token: `${'a'.repeat(30)}/b` }) },
    says: /challenges\.0\.token: is not a base64url token of at least 128 bits/,
    hint: noAcme,
  },
  {
    name: 'a token that is too short',
    mischief: { authorization: challenges({ token: 'guessme' }) },
    says: /challenges\.0\.token: is not a base64url token of at least 128 bits/,
    hint: noAcme,
  },
  {
    name: 'a token that is too long',
    mischief: { authorization: challenges({ token: 'a'.repeat(5_000) }) },
    says: /challenges\.0\.token: is not a base64url token of at least 128 bits/,
    hint: noAcme,
  },
  {
    name: 'no http-01',
    mischief: { authorization: challenges({ type: 'dns-01' }) },
    says: /does not offer http-01/,
    hint: /it offers dns-01/,
  },
  {
    name: 'no challenge',
    mischief: { authorization: having({ challenges: [] }) },
    says: /does not offer http-01/,
    hint: /no challenge at all/,
  },
  {
    name: 'a challenge elsewhere',
    mischief: { authorization: challenges({ url: elsewhere }) },
    says: /a challenge https:\/\/evil/,
    hint: /host of the directory/,
  },
  {
    name: 'a page in place of the authorization',
    mischief: { authorization: page(200) },
    says: /read the authorization and sent HTTP 200, text\/html/,
    hint: noAcme,
  },
  {
    name: 'a validation that fails, with terminal escapes',
    mischief: {
      order: having({ status: 'invalid' }),
      authorization: altered((json, { count }) => (count === 1 ? json : refused(json))),
    },
    says: /could not validate\n +kept\.example: dns: no \\u\{1b\}\[31mA\\u\{a\}record/,
    hint: /correct what the CA reports/,
  },

  // Finalizing.
  {
    name: 'a refused CSR',
    mischief: { finalize: problem('badCSR', 'key is weak', { status: 400 }) },
    says: /refused to finalize the order for kept\.example: badCSR: key is weak/,
    hint: /./,
  },
  {
    name: 'finalizing that fails with 500',
    mischief: { finalize: problem('serverInternal', 'HSM is on fire', { status: 500 }) },
    waits: true,
    says: /HSM is on fire/,
    hint: /later/,
  },
  {
    name: 'finalizing that always breaks off unheard',
    mischief: { finalize: () => 'reset' },
    waits: true,
    says: /finalize the order for kept\.example, but its answer was lost/,
    hint: /./,
  },

  // The certificate.
  {
    name: 'a certificate for another key',
    mischief: {
      certificate: chain(async (good, ca) =>
        resigned(good, ca, { publicKey: await generateKey('ecdsa-p256') }),
      ),
    },
    issued: 1,
    says: /for a key that is not ours/,
    hint: report,
  },
  {
    name: 'a certificate for another name',
    mischief: {
      certificate: chain((good, ca) =>
        resigned(good, ca, { identifiers: [{ type: 'dns', value: 'evil.example' }] }),
      ),
    },
    issued: 1,
    says: /is for evil\.example, not for kept\.example/,
    hint: report,
  },
  {
    name: 'a certificate for one name more',
    mischief: {
      certificate: chain((good, ca) =>
        resigned(good, ca, {
          identifiers: [
            { type: 'dns', value: kept },
            { type: 'dns', value: 'evil.example' },
          ],
        }),
      ),
    },
    issued: 1,
    says: /is for kept\.example, evil\.example, not for kept\.example/,
    hint: report,
  },
  {
    name: 'an expired certificate',
    mischief: {
      certificate: chain((good, ca) =>
        resigned(good, ca, { notBefore: plusMs(now, -2 * hourMs), notAfter: plusMs(now, -hourMs) }),
      ),
    },
    issued: 1,
    says: /expired at \d{4}-/,
    hint: /check the clock of this machine/,
  },
  {
    name: 'a certificate of tomorrow',
    mischief: {
      certificate: chain((good, ca) =>
        resigned(good, ca, { notBefore: plusMs(now, dayMs), notAfter: plusMs(now, 2 * dayMs) }),
      ),
    },
    issued: 1,
    says: /not valid before \d{4}-/,
    hint: /check the clock of this machine/,
  },
  {
    name: 'a certificate of a CA',
    mischief: { certificate: chain((good, ca) => resigned(good, ca, { ca: {} })) },
    issued: 1,
    says: /one of a CA, not of a server/,
    hint: report,
  },
  {
    name: 'a chain in the wrong order',
    mischief: { certificate: chain(good => good.toReversed()) },
    issued: 1,
    says: /for a key that is not ours|no name/,
    hint: report,
  },
  {
    name: 'a chain that does not link',
    mischief: { certificate: chain(([leaf = new Uint8Array()], { issuer }) => [leaf, issuer.root.der]) },
    issued: 1,
    says: /its chain is not good/,
    hint: report,
  },
  {
    name: 'fifty certificates',
    mischief: {
      certificate: chain(([leaf = new Uint8Array(), next = new Uint8Array()]) => [
        leaf,
        ...Array.from({ length: 49 }, () => next),
      ]),
    },
    issued: 1,
    says: /more than 10 blocks/,
    hint: noAcme,
  },
  {
    name: 'a private key beside the certificate',
    mischief: {
      certificate: chain(
        async ([leaf = new Uint8Array()]) =>
          encodePem('CERTIFICATE', leaf) + privateKeyPem(await generateKey('ecdsa-p256')),
      ),
    },
    issued: 1,
    says: /BEGIN PRIVATE KEY-----" where BEGIN CERTIFICATE must be/,
    hint: noAcme,
  },
  {
    name: 'no certificate',
    mischief: { certificate: body('', pem) },
    issued: 1,
    says: /no CERTIFICATE block/,
    hint: noAcme,
  },
  {
    name: 'half of a certificate',
    mischief: {
      certificate: chain(async ([leaf = new Uint8Array()]) => encodePem('CERTIFICATE', leaf).slice(0, 300)),
    },
    issued: 1,
    says: /ends inside a CERTIFICATE block/,
    hint: noAcme,
  },
  {
    name: 'a certificate that cannot be decoded',
    mischief: { certificate: chain(() => [new Uint8Array([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])]) },
    issued: 1,
    says: /a certificate that cannot be read/,
    hint: report,
  },
  {
    name: 'a page in place of the certificate',
    mischief: { certificate: page(200) },
    issued: 1,
    says: /text\/html: .* in place of application\/pem-certificate-chain/,
    hint: noAcme,
  },
  {
    name: 'a certificate of ten megabytes',
    mischief: { certificate: body(huge, pem) },
    issued: 1,
    says: /larger than 131072 bytes/,
    hint: noAcme,
  },
  {
    name: 'another chain elsewhere',
    mischief: { certificate: withFields({ link: `<${elsewhere}>;rel="alternate"` }) },
    issued: 1,
    says: /the link "alternate" to https:\/\/evil/,
    hint: /host of the directory/,
  },
]

describe('a CA that misbehaves', { concurrency: 4, timeout: 5 * timeout }, () => {
  for (const {
    name,
    exit = 1,
    mischief,
    options,
    tlsName,
    account,
    waits = false,
    issued = 0,
    asked = {},
    ...expected
  } of rows) {
    it(name, { timeout }, async () => {
      await using bench = await template.copy()
      await using ca = await startCaFor(bench, { mischief, options, tlsName })
      if (account !== undefined) await bench.configure(goodConfig(bench, ca, account))
      const finished = waits ? await bench.renewWithoutWaiting() : await bench.run('renew', '--force', kept)
      assertRefused(finished, { exit, ...expected })
      assert.equal(ca.issued(), issued)
      for (const [resource, most] of Object.entries(asked)) {
        const times = ca.asked(resource as keyof typeof asked)
        assert.ok(times <= most, `${resource} was asked ${times} times`)
      }
      await bench.assertNothingLost()
    })
  }
})

describe('a CA that cannot be talked to', { concurrency: 4, timeout: 5 * timeout }, () => {
  type Trust = Omit<Refusal, 'exit'> & {
    readonly name: string
    readonly trust: (bench: Bench) => string | Promise<string>
  }
  const trusts: readonly Trust[] = [
    {
      name: 'other roots are trusted',
      trust: async ({ directory }) => {
        const other = join(directory, 'other.pem')
        await writeFile(other, (await createLocalIssuer({}, { clock: nodeClock() })).rootPem)
        return other
      },
      says: /its certificate comes from (?:a root|an issuer) that is not trusted/,
      hint: /trust: \(or --trust FILE\)/,
    },
    {
      name: 'the file of the roots is missing',
      trust: ({ directory }) => join(directory, 'nowhere.pem'),
      says: /there is no file .*nowhere\.pem with trusted roots/,
      hint: /takes a PEM file/,
    },
    {
      name: 'the file of the roots is a directory',
      trust: ({ directory }) => directory,
      says: /cannot read the trusted roots in .*EISDIR/,
      hint: /takes a PEM file/,
    },
    {
      name: 'the file of the roots has none',
      trust: ({ configFile }) => configFile,
      says: /certwright\.yaml holds no certificate/,
      hint: /takes a PEM file/,
    },
  ]
  for (const { name, trust, ...expected } of trusts) {
    it(name, { timeout }, async () => {
      await using bench = await template.copy()
      await using ca = await startCaFor(bench)
      await bench.configure(goodConfig(bench, { ...ca, trustFile: await trust(bench) }))
      assertRefused(await bench.renewWithoutWaiting(), { exit: 1, ...expected })
      await bench.assertNothingLost()
    })
  }

  it('nothing listens', { timeout }, async () => {
    await using bench = await template.copy()
    await (await startCaFor(bench))[Symbol.asyncDispose]()
    assertRefused(await bench.renewWithoutWaiting(), {
      exit: 1,
      says: /could not be asked to send its directory: cannot connect to 127\.0\.0\.1:\d+: nothing listens there/,
      hint: /the server runs/,
    })
    await bench.assertNothingLost()
  })

  it('plain HTTP is spoken', { timeout }, async () => {
    await using bench = await template.copy()
    await using ca = await startCaFor(bench)
    await using server = createServer((_, response) => response.end('{}'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // it listens on TCP
    await bench.configure(goodConfig(bench, { ...ca, directory: `https://127.0.0.1:${port}/directory` }))
    assertRefused(await bench.renewWithoutWaiting(), {
      exit: 1,
      says: /it does not speak TLS/,
      hint: /plain HTTP/,
    })
    await bench.assertNothingLost()
  })
})

describe('a CA that gets better', { concurrency: 4, timeout: 5 * timeout }, () => {
  type Recovery = {
    readonly name: string
    readonly mischief: Mischief
    /** Exit codes of the runs one after another; before the last one the CA gets well. */
    readonly exits: readonly number[]
    readonly issued: number
    readonly orders: number
  }
  const recoveries: readonly Recovery[] = [
    {
      name: 'the answer to newOrder is lost',
      mischief: { 'new-order': lost(1) },
      exits: [0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'the answer to finalize is lost',
      mischief: { finalize: lost(1) },
      exits: [0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'the answer to the challenge is lost',
      mischief: { challenge: lost(1) },
      exits: [0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'the certificate is lost once',
      mischief: { certificate: lost(1) },
      exits: [0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'a finalize is never heard',
      mischief: { finalize: call => (call.count === 1 ? 'reset' : call.good()) },
      exits: [0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'a page comes in place of the certificate',
      mischief: { certificate: page(200) },
      exits: [1, 1, 0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'the order takes a day',
      mischief: {
        finalize: altered(json => ({ ...json, status: 'processing' }), { 'retry-after': '86400' }),
      },
      exits: [1, 0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'the certificate is for another key',
      mischief: {
        certificate: chain(async (good, ca) =>
          resigned(good, ca, { publicKey: await generateKey('ecdsa-p256') }),
        ),
      },
      exits: [1, 0],
      issued: 2,
      orders: 2,
    },
    {
      name: 'the order is declared invalid',
      mischief: { order: having({ status: 'invalid' }) },
      exits: [1, 0],
      issued: 1,
      orders: 1,
    },
    {
      name: 'nonces are refused five times in a row',
      mischief: {
        'new-order': call =>
          call.count <= 5 ? problem('badNonce', 'stale', { status: 400 })(call) : call.good(),
      },
      exits: [0],
      issued: 1,
      orders: 6,
    },
  ]
  for (const { name, mischief, exits, issued, orders } of recoveries) {
    it(`issues ${issued === 1 ? 'one certificate' : `${issued} certificates`} in all: ${name}`, {
      timeout,
    }, async () => {
      await using bench = await template.copy()
      await using ca = await startCaFor(bench, { mischief })
      for (const [index, exit] of exits.entries()) {
        if (exits.length > 1 && index === exits.length - 1) ca.become()
        const { exitCode, stdout, stderr } = await bench.run('renew', '--force', kept)
        assert.equal(exitCode, exit, stdout + stderr)
        if (exit !== 0) await bench.assertNothingLost()
      }
      assert.deepEqual({ issued: ca.issued(), orders: ca.asked('new-order') }, { issued, orders })
    })
  }

  it('asks no sooner than the CA allows', { timeout }, async () => {
    await using bench = await template.copy()
    const limited = problem('rateLimited', 'too many', { status: 429, headers: { 'retry-after': '86400' } })
    await using ca = await startCaFor(bench, { mischief: { 'new-order': limited } })
    await bench.configure(goodConfig(bench, ca).replace(`${kept}: {}`, `${kept}: {}, new.example: {}`))
    assertRefused(await bench.run('apply', '--only', 'new.example'), {
      exit: 1,
      says: /too many/,
      hint: /not before/,
    })
    const again = await bench.run('apply', '--only', 'new.example')
    assert.equal(again.exitCode, 0)
    assert.match(again.stdout, /new\.example: waiting; the CA asked to come back at \d{4}/)
    assert.equal(ca.asked('new-order'), 1)
    await bench.assertNothingLost()
  })
})

describe('issue and a CA that misbehaves', { concurrency: 4, timeout: 5 * timeout }, () => {
  const issue = (bench: Bench, ca: HostileCa, ...names: readonly string[]) => {
    const flags = [
      '--webroot',
      bench.webroot,
      '--no-self-check',
      '--authority',
      ca.directory,
      '--trust',
      ca.trustFile,
    ]
    return bench.run('issue', ...names, ...flags)
  }
  const wrongKey = chain(async (good, ca) =>
    resigned(good, ca, { publicKey: await generateKey('ecdsa-p256') }),
  )
  const cases: readonly { readonly name: string; readonly mischief: Mischief; readonly says: RegExp }[] = [
    {
      name: 'a page in place of the directory',
      mischief: { directory: page(200) },
      says: /^error: .*text\/html/m,
    },
    {
      name: 'a refused order',
      mischief: { 'new-order': problem('rejectedIdentifier', 'no') },
      says: /^error: .*: no$/m,
    },
    {
      name: 'an invalid order',
      mischief: { order: having({ status: 'invalid' }) },
      says: /^error: .*invalid/m,
    },
    {
      name: 'a certificate for another key',
      mischief: { certificate: wrongKey },
      says: /^error: .*not ours/m,
    },
  ]
  for (const { name, mischief, says } of cases) {
    it(`leaves no entry behind: ${name}`, { timeout }, async () => {
      await using bench = await template.copy()
      await using ca = await startCaFor(bench, { mischief })
      assertRefused(await issue(bench, ca, 'new.example'), { exit: 1, says, hint: /./ })
      await bench.assertNothingLost()
    })
  }

  it('asks no sooner than the CA allows, and keeps no entry', { timeout }, async () => {
    await using bench = await template.copy()
    const limited = problem('rateLimited', 'too many', { status: 429, headers: { 'retry-after': '86400' } })
    await using ca = await startCaFor(bench, { mischief: { 'new-order': limited } })
    assertRefused(await issue(bench, ca, 'new.example'), { exit: 1, says: /too many/, hint: /./ })
    const { exitCode, stderr } = await issue(bench, ca, 'new.example')
    assert.equal(exitCode, 1)
    assert.match(stderr, /error: new\.example .*the CA asked to come back at .*\nretry: not before /)
    assert.equal(ca.asked('new-order'), 1)
    await bench.assertNothingLost()
  })

  it('an entry that was good stays as it was when one name more cannot be had', { timeout }, async () => {
    await using bench = await template.copy()
    await using ca = await startCaFor(bench)
    assert.equal((await issue(bench, ca, 'new.example')).exitCode, 0)
    const dropIn = join(bench.directory, 'certificates.d', 'new.example.yaml')
    const good = await readFile(dropIn, 'utf8')
    ca.become({ 'new-order': problem('rejectedIdentifier', 'no') })
    assertRefused(await issue(bench, ca, 'new.example', 'evil.example'), {
      exit: 1,
      says: /: no$/m,
      hint: /./,
    })
    assert.equal(await readFile(dropIn, 'utf8'), good)
    ca.become()
    assert.match((await bench.run('apply', '--dry-run')).stdout, /new\.example +nothing to do/)
  })

  it('terms that were not agreed to are a matter of the command line', { timeout }, async () => {
    await using bench = await template.copy()
    await using ca = await startCaFor(bench, { options: { termsOfService: 'https://ca.example/terms' } })
    await bench.configure('')
    const expected = { says: /must be agreed to: https:\/\/ca\.example\/terms/, hint: /--agree-terms/ }
    assertRefused(await issue(bench, ca, 'new.example'), { exit: 2, ...expected })
    await bench.assertNothingLost()
  })
})

it('an account that cannot be replaced stays the account', { timeout }, async () => {
  await using bench = await template.copy()
  await using ca = await startCaFor(bench)
  const account = async () => {
    const { exitCode, stdout, stderr } = await bench.run('account', 'show', '--json')
    assert.equal(exitCode, 0, stderr)
    return JSON.parse(stdout) as { readonly url: string }
  }
  assert.equal((await bench.run('account', 'register')).exitCode, 0)
  const { url } = await account()
  ca.become({ 'new-account': problem('externalAccountRequired', 'bind it') })
  const refusal = { exit: 1, says: /bind it/, hint: /HMAC key/ } as const
  assertRefused(await bench.run('account', 'register', '--new'), refusal)
  assert.equal((await account()).url, url)
  await bench.assertNothingLost()
})

describe('after a failure', { concurrency: 4, timeout: 5 * timeout }, () => {
  const failing = {
    order: having({ status: 'invalid' }),
    authorization: altered((json, { count }) => (count === 1 ? json : refused(json))),
  }

  it('status, show and the next run tell it in lines', { timeout }, async () => {
    await using bench = await template.copy()
    await using _ca = await startCaFor(bench, { mischief: failing })
    await bench.run('renew', '--force', kept)
    const status = await bench.run('status')
    assert.match(
      status.stdout,
      /^kept\.example: the CA could not validate\n {2}kept\.example: dns: no .*\n {2}hint: correct/m,
    )
    const show = await bench.run('show', kept)
    assert.match(show.stdout, /^unfinished .*failed: the CA could not validate; kept\.example: dns: no/m)
    for (const { exitCode, stdout } of [status, show]) {
      assert.equal(exitCode, 0)
      assert.doesNotMatch(stdout, /validate\\u\{a\}/)
    }
  })

  it('--json is one document that has it', { timeout }, async () => {
    await using bench = await template.copy()
    await using _ca = await startCaFor(bench, { mischief: failing })
    const { exitCode, stdout } = await bench.run('renew', '--force', kept, '--json')
    assert.equal(exitCode, 1)
    const { certificates } = JSON.parse(stdout) as {
      certificates: readonly { error: Record<string, unknown> }[]
    }
    assert.equal(certificates[0]?.error['code'], 'ERR_AUTHORIZATION')
    assert.match(String(certificates[0]?.error['hint']), /correct what the CA reports/)
  })
})
