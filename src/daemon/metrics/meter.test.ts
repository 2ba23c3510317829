import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { hourMs, secondMs } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import { parseSpecName } from '../../manage/spec.ts'
import { fakeClock } from '../../testing/fake-clock.ts'
import { fakeHttp, textReply } from '../../testing/fake-network.ts'
import { createMeter } from './meter.ts'

test('requests are counted by CA and by how they ended, with the time they took', async () => {
  const clock = fakeClock({ autoAdvance: true })
  const meter = createMeter({ clock })
  const http = meter.http(
    'ca',
    fakeHttp(async url => {
      await clock.sleep(3 * secondMs)
      return url.endsWith('/lost') ? undefined : textReply(url.endsWith('/refused') ? 400 : 201, '')
    }),
  )
  const get = (path: string) => http(`https://ca.example/${path}`, { method: 'GET' })
  assert.equal((await get('good')).status, 201)
  assert.equal((await get('refused')).status, 400)
  await assert.rejects(get('lost'), { code: 'ERR_NETWORK' })
  await get('good')
  const seen = meter.measured().requests.map(({ authority, outcome, seconds: { counts, sum } }) => ({
    ...{ authority, outcome, sum },
    count: counts.reduce((one, other) => one + other),
  }))
  assert.deepEqual(seen, [
    { authority: 'ca', outcome: 'ok', sum: 6, count: 2 },
    { authority: 'ca', outcome: 'refused', sum: 3, count: 1 },
    { authority: 'ca', outcome: 'lost', sum: 3, count: 1 },
  ])
})

test('what an endpoint served last is remembered, also that it served nothing', async () => {
  const meter = createMeter({ clock: fakeClock() })
  let leaf: Uint8Array | undefined = Uint8Array.of(1, 2, 3)
  const probe = meter.probeTls(async () => {
    if (leaf === undefined) throw new AppError('ERR_NETWORK', 'nothing listens there')
    return { leaf, chain: [leaf], protocol: 'TLSv1.3' }
  })
  const endpoint = { host: '127.0.0.1', port: 443, serverName: 'a.example' }
  const served = () => meter.measured().served(endpoint)
  assert.equal(served(), undefined)
  assert.equal((await probe(endpoint)).protocol, 'TLSv1.3')
  assert.deepEqual(served(), { fingerprint: sha256Hex(leaf) })
  assert.equal(meter.measured().served({ host: '127.0.0.1', port: 443 }), undefined)
  leaf = undefined
  await assert.rejects(probe(endpoint), { code: 'ERR_NETWORK' })
  assert.deepEqual(served(), { fingerprint: undefined })
})

test('a name serves what all of its addresses serve, as far as there is a way to them', async () => {
  const clock = fakeClock()
  const meter = createMeter({ clock })
  const leaves = new Map([
    ['192.0.2.1', Uint8Array.of(1)],
    ['192.0.2.2', Uint8Array.of(1)],
  ])
  const probe = meter.probeTls(async ({ host }) => {
    const leaf = leaves.get(host)
    const cause = Object.assign(new Error('no route'), { code: 'ENETUNREACH' })
    if (leaf === undefined) throw new AppError('ERR_NETWORK', 'there is no route to it', { cause })
    return { leaf, chain: [leaf], protocol: 'TLSv1.3' }
  })
  const serverName = 'a.example'
  const look = (host: string) => probe({ host, port: 443, serverName })
  const served = () => meter.measured().served({ host: serverName, port: 443, serverName })
  await look('192.0.2.1')
  await look('192.0.2.2')
  await assert.rejects(look('2001:db8::1'), { code: 'ERR_NETWORK' })
  assert.deepEqual(served(), { fingerprint: sha256Hex(Uint8Array.of(1)) })
  leaves.set('192.0.2.2', Uint8Array.of(2))
  await look('192.0.2.2')
  assert.deepEqual(served(), { fingerprint: undefined })
  await clock.advance(3 * hourMs)
  assert.equal(served(), undefined)
  await look('192.0.2.2')
  assert.deepEqual(
    served(),
    { fingerprint: sha256Hex(Uint8Array.of(2)) },
    'the other is no address of it any more',
  )
})

test('an issuance takes from its order to its certificate; one that failed is not counted', async () => {
  const clock = fakeClock({ autoAdvance: true })
  const meter = createMeter({ clock })
  const happen = async (
    name: string,
    ...steps: readonly ('account' | 'order' | 'challenge' | 'storing')[]
  ) => {
    for (const step of steps) {
      await clock.sleep(secondMs)
      meter.onEvent({ certificate: parseSpecName(name), step, level: 'step', text: '' })
    }
  }
  await happen('failed.example', 'account', 'order', 'challenge')
  await happen('a.example', 'account', 'order')
  await happen('b.example', 'order', 'storing')
  await happen('a.example', 'challenge', 'storing', 'storing')
  await happen('failed.example', 'order', 'storing')
  const { sum, counts } = meter.measured().issuance
  assert.deepEqual({ sum, count: counts.reduce((one, other) => one + other) }, { sum: 1 + 4 + 1, count: 3 })
})
