import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { parseDirectory } from '../../acme/directory.ts'
import { AppError } from '../../base/errors.ts'
import { hourMs, minuteMs, secondMs } from '../../base/instant.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import {
  jsonReply,
  problemReply,
  type ScriptedAnswer,
  scriptedDirectory,
  scriptedOrigin,
} from '../../testing/scripted-ca.ts'
import { scriptedClient } from '../../testing/scripted-client.ts'
import { generateKey, privateKeyPem } from '../../x509/key.ts'
import type { AccountSettings, Authority } from '../spec.ts'
import { type StoredAccount, writeAccount, writeAccountKey } from '../store/accounts.ts'
import { checkAuthority, judgeClock, judgeProfile } from './check-authority.ts'
import type { CheckOutcome } from './finding.ts'

const state = '/state'
const authority: Authority = { id: 'ca', directory: `${scriptedOrigin}/directory` }
const settings: AccountSettings = { agreeToTerms: false, keyAlgorithm: 'ES256', email: 'admin@a.test' }
const terms = `${scriptedOrigin}/terms`
const key = privateKeyPem(await generateKey('ecdsa-p256'))
const valid = { status: 'valid', contact: [] }
const location = { location: `${scriptedOrigin}/account/1` }

const cases: readonly {
  readonly name: string
  readonly meta?: object
  readonly settings?: Partial<AccountSettings>
  readonly variables?: Readonly<Record<string, string>>
  readonly stored?: Partial<StoredAccount>
  readonly withoutKey?: boolean
  readonly answer?: ScriptedAnswer
  readonly outcome: CheckOutcome
  readonly text: RegExp
}[] = [
  { name: 'no account yet', outcome: 'ok', text: /the first order registers one for admin@a\.test/ },
  {
    name: 'terms that nobody agreed to',
    meta: { termsOfService: terms },
    outcome: 'failed',
    text: /terms of service that must be agreed to: https:\/\/ca\.example\/terms/,
  },
  {
    name: 'terms that were agreed to',
    meta: { termsOfService: terms },
    settings: { agreeToTerms: true },
    outcome: 'ok',
    text: /no account/,
  },
  {
    name: 'a CA that wants an external account',
    meta: { externalAccountRequired: true },
    outcome: 'failed',
    text: /only accounts that are bound/,
  },
  {
    name: 'an external account whose key cannot be read',
    meta: { externalAccountRequired: true },
    settings: { externalAccount: { keyId: '1', hmacKey: { env: 'HMAC' }, algorithm: 'HS256' } },
    outcome: 'failed',
    text: /HMAC/,
  },
  {
    name: 'an external account',
    meta: { externalAccountRequired: true },
    settings: { externalAccount: { keyId: '1', hmacKey: { env: 'HMAC' }, algorithm: 'HS256' } },
    variables: { HMAC: 'c2VjcmV0' },
    outcome: 'ok',
    text: /no account/,
  },
  {
    name: 'an account that the CA knows',
    stored: {},
    answer: jsonReply(200, valid, location),
    outcome: 'ok',
    text: /knows the account https:\/\/ca\.example\/account\/1/,
  },
  {
    name: 'an account that the CA has forgotten',
    stored: {},
    answer: problemReply(400, 'accountDoesNotExist'),
    outcome: 'warning',
    text: /does not know the stored account any more/,
  },
  {
    name: 'an account that the CA has deactivated',
    stored: {},
    answer: jsonReply(200, { ...valid, status: 'deactivated' }, location),
    outcome: 'failed',
    text: /has been deactivated/,
  },
  {
    name: 'an account that the CA does not want',
    stored: {},
    answer: problemReply(403, 'unauthorized'),
    outcome: 'failed',
    text: /a case of unauthorized/,
  },
  {
    name: 'an account without its key',
    stored: {},
    withoutKey: true,
    outcome: 'failed',
    text: /key .* is missing/,
  },
  {
    name: 'an account under other terms',
    meta: { termsOfService: terms },
    stored: { termsOfService: `${terms}-of-before` },
    answer: jsonReply(200, valid, location),
    outcome: 'warning',
    text: /other terms of service than those that were agreed to/,
  },
]
describe('the account check', () => {
  for (const {
    name,
    meta = {},
    settings: own,
    variables = {},
    stored,
    withoutKey,
    answer,
    outcome,
    text,
  } of cases) {
    it(`says ${outcome} of ${name}`, async () => {
      const { ca, client, signal, account } = scriptedClient()
      const runtime = fakeRuntime({}, { variables })
      ca.on('/directory', jsonReply(200, { ...scriptedDirectory, meta }))
      if (answer !== undefined) ca.on('/new-account', answer)
      if (stored !== undefined) {
        const registeredAt = runtime.clock.now()
        if (withoutKey !== true) await writeAccountKey(state, 'ca', 'current', key, runtime)
        else await runtime.files.makeDirectory(`${state}/accounts/ca`, 0o700)
        const facts = { directory: authority.directory, url: account.url, contact: [], registeredAt }
        await writeAccount(state, 'ca', { ...facts, ...stored }, runtime)
      }
      const options = { authority, settings: { ...settings, ...own }, client: async () => client, signal }
      const { findings, accountUrl } = await checkAuthority(state, options, runtime)
      const found = findings.find(one => one.name === 'account')
      assert.equal(found?.outcome, outcome, JSON.stringify(findings))
      assert.match(found.text, text)
      assert.equal(accountUrl, stored && account.url)
      const asked = ca.received.filter(({ path }) => path === '/new-account').map(({ payload }) => payload)
      assert.ok(
        asked.every(payload => JSON.stringify(payload) === '{"onlyReturnExisting":true}'),
        'nothing is registered',
      )
    })
  }
})

test('a CA that cannot be reached is the failure, and all that is said', async () => {
  const { signal } = new AbortController()
  const error = new AppError('ERR_NETWORK', 'cannot connect to ca.example', { hint: 'see the firewall' })
  const options = { authority, settings, client: () => Promise.reject(error), signal }
  const checked = await checkAuthority(state, options, fakeRuntime())
  const found = {
    name: 'ca',
    outcome: 'failed',
    text: 'cannot connect to ca.example',
    hint: 'see the firewall',
  }
  assert.deepEqual(checked, { findings: [found] })
})

const clocks: readonly (readonly [number | undefined, CheckOutcome, RegExp])[] = [
  [undefined, 'skipped', /does not say/],
  [0, 'ok', /0\.0 s apart/],
  [-299 * secondMs, 'ok', /4 min apart/],
  [5 * minuteMs, 'warning', /5 min behind that of ca/],
  [-5 * minuteMs, 'warning', /5 min ahead of that of ca/],
  [hourMs, 'failed', /60 min behind/],
  [-30 * hourMs, 'failed', /30 h ahead/],
]
for (const [ahead, outcome, text] of clocks) {
  test(`a CA whose clock is ${ahead} ms ahead: ${outcome}`, () => {
    const found = judgeClock('ca', ahead)
    assert.equal(found.outcome, outcome)
    assert.match(found.text, text)
  })
}

test('a profile that the CA does not have fails, with those that it has', () => {
  const directory = parseDirectory({ ...scriptedDirectory, meta: { profiles: { classic: '', short: '' } } })
  assert.deepEqual(judgeProfile('ca', undefined, directory), [])
  assert.deepEqual(judgeProfile('ca', 'classic', directory), [])
  assert.match(judgeProfile('ca', 'other', directory)[0]?.hint ?? '', /classic, short/)
  const none = parseDirectory({ ...scriptedDirectory, meta: {} })
  assert.match(judgeProfile('ca', 'other', none)[0]?.hint ?? '', /none/)
})
