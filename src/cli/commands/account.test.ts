import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeContext, paths } from '../../../test/support/fake-context.ts'
import { parseUrl } from '../../acme/wire.ts'
import { AppError } from '../../base/errors.ts'
import { resolveAuthority } from '../../manage/authorities.ts'
import { writeAccount, writeAccountKey } from '../../manage/store/accounts.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { jsonReply, scriptedCa, scriptedOrigin } from '../../testing/scripted-ca.ts'
import { generateAccountKey, privateKeyPem } from '../../x509/key.ts'
import { registerAccountCommand, showAccount } from './account.ts'

const here = { id: 'internal', directory: scriptedCa().directory }
const silent = 'https://other.example/directory'
const config = `authorities: { internal: { directory: "${here.directory}" } }\n`
const accountReply = jsonReply(200, { status: 'valid', contact: [] })

async function store({ id, directory }: typeof here, runtime: Runtime): Promise<void> {
  await writeAccountKey(paths.state, id, 'current', privateKeyPem(await generateAccountKey('ES256')), runtime)
  const url = parseUrl(`${new URL(directory).origin}/account/1`)
  const registeredAt = runtime.clock.now()
  await writeAccount(paths.state, id, { directory, url, contact: [], registeredAt }, runtime)
}

/** A machine with accounts; of the CAs only the scripted one answers. */
async function open(ca = scriptedCa(), settings = config) {
  const http: Runtime['http'] = async (url, request) => {
    if (url.startsWith(scriptedOrigin)) return ca.http(url, request)
    throw new AppError('ERR_NETWORK', `${url} does not answer`, { lasting: true, hint: 'see the network' })
  }
  return await fakeContext(settings, { runtime: { http } })
}

test('the only account is shown, also where it is not at the configured CA', async () => {
  const { context, runtime } = await open(scriptedCa().on('/account/1', accountReply))
  await store(here, runtime)
  const { exitCode, text, json } = await showAccount(context)
  assert.equal(exitCode, 0)
  assert.match(
    text,
    /^authority {3}internal \(https:\/\/ca\.example\/directory\)\naccount .*\nstatus {6}valid\n/,
  )
  const shown = json as Readonly<Record<string, unknown>>
  assert.deepEqual([shown['authority'], shown['status'], 'others' in shown], ['internal', 'valid', false])
})

test('of several accounts the one at the configured CA is asked for, and the others are listed', async () => {
  const elsewhere = resolveAuthority(silent)
  assert.ok('id' in elsewhere)
  const { context, runtime } = await open(
    scriptedCa().on('/account/1', accountReply),
    `authorities: { zone: { directory: "${here.directory}" } }\nauthority: zone\n`,
  )
  await store({ ...here, id: 'zone' }, runtime)
  await store(elsewhere, runtime)
  const { exitCode, text, json } = await showAccount(context)
  assert.equal(exitCode, 0)
  const facts = [...text.matchAll(/^(?:authority|status) +(\S+)/gm)].map(([, value]) => value)
  assert.deepEqual(facts, ['zone', 'valid', elsewhere.id, 'not'])
  assert.match(text, /\n\nauthority .*\n.*\nstatus +not asked for: --authority https:\/\/other\.example/)
  const { authority, others } = json as { authority: string; others: { authority: string }[] }
  assert.deepEqual([authority, others.map(other => other.authority)], ['zone', [elsewhere.id]])
})

test('with --authority only the account there counts; what there is elsewhere is said', async () => {
  const { context, runtime } = await open()
  await store(here, runtime)
  await assert.rejects(showAccount({ ...context, authority: { name: silent } }), {
    code: 'ERR_ACCOUNT',
    message: /there is no account at other\.example-/,
    hint: /^there is one at https:\/\/ca\.example\/directory .*--authority.*account register/,
  })
})

test('what register is told counts also where the CA has account settings of its own', async () => {
  const registered = jsonReply(
    201,
    { status: 'valid', contact: [] },
    { location: `${scriptedOrigin}/account/1` },
  )
  const ca = scriptedCa().on('/new-account', registered).on('/account/1', accountReply)
  const own = `authority: internal
authorities: { internal: { directory: "${here.directory}", account: { email: old@example.com } } }
`
  const { context } = await open(ca, own)
  await registerAccountCommand(context, { args: [], email: 'new@example.com' })
  const [request] = ca.received.filter(({ path }) => path === '/new-account')
  const payload = { contact: ['mailto:new@example.com'], termsOfServiceAgreed: false }
  assert.deepEqual(request?.payload, payload)
})

test('without any account one is told how to register', async () => {
  const { context } = await open()
  await assert.rejects(showAccount(context), {
    message: 'there is no account at letsencrypt',
    hint: 'certwright account register --email ADDRESS --agree-terms',
  })
})
