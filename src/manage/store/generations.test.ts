import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs, instant, plusMs } from '../../base/instant.ts'
import { temporaryPrefix } from '../../runtime/files.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { failCall, failOperation } from '../../testing/faulty-files.ts'
import { defaultSpecName } from '../spec.ts'
import {
  listGenerations,
  liveGeneration,
  type NewCertificate,
  pruneGenerations,
  readGeneration,
  saveGeneration,
  switchLive,
} from './generations.ts'
import { hasPrivateKey } from './stored-certificate.ts'

const state = '/var/lib/certwright'
const name = defaultSpecName({ type: 'dns', value: 'a.example' })
const notBefore = instant(Date.parse('2026-11-01T00:00:00Z'))

function certificate(serial: string): NewCertificate {
  return {
    identifiers: [{ type: 'dns', value: 'a.example' }],
    keyType: 'ecdsa-p256',
    authority: { id: 'ca', directory: 'https://ca.example/directory' },
    orderUrl: 'https://ca.example/order/1',
    issuer: 'CN=CA',
    serialNumber: serial,
    fingerprint: serial.repeat(32),
    notBefore,
    notAfter: plusMs(notBefore, 90 * dayMs),
    chain: [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)],
    privateKeyPem: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n',
  }
}

const text = (content: Uint8Array | undefined) => new TextDecoder().decode(content)

test('a generation has the files of every tutorial, with the modes they need', async () => {
  const runtime = fakeRuntime()
  const { generation } = await saveGeneration(state, name, certificate('01'), runtime)
  await switchLive(state, name, generation, runtime)
  const directory = `${state}/certificates/${name}/${generation}`
  const modes = await Promise.all(
    ['cert.pem', 'chain.pem', 'fullchain.pem', 'privkey.pem', 'combined.pem', 'meta.json'].map(
      async file => (await runtime.files.facts(`${directory}/${file}`))?.mode,
    ),
  )
  assert.deepEqual(
    modes.map(mode => (mode ?? 0) & 0o777),
    [0o644, 0o644, 0o644, 0o600, 0o600, 0o600],
  )
  assert.equal(((await runtime.files.facts(directory))?.mode ?? 0) & 0o777, 0o700)
  const live = `${state}/live/${name}`
  assert.equal(await runtime.files.readLink(live), `../certificates/${name}/${generation}`)
  const [cert, chain, fullchain, key, combined] = await Promise.all(
    ['cert', 'chain', 'fullchain', 'privkey', 'combined'].map(async file =>
      text(await runtime.files.read(`${live}/${file}.pem`)),
    ),
  )
  assert.equal(fullchain, `${cert}${chain}`)
  assert.equal(combined, `${key}${fullchain}`)
  assert.equal(chain?.match(/BEGIN CERTIFICATE/g)?.length, 2)
})

test('a generation whose key is elsewhere has no file with a key, and is whole', async () => {
  const runtime = fakeRuntime()
  const { privateKeyPem: _, ...keyless } = certificate('01')
  const { generation } = await saveGeneration(state, name, keyless, runtime)
  const directory = `${state}/certificates/${name}/${generation}`
  assert.deepEqual(await runtime.files.list(directory), [
    'cert.pem',
    'chain.pem',
    'fullchain.pem',
    'meta.json',
  ])
  const { stored, damaged } = await listGenerations(state, name, runtime)
  assert.deepEqual([stored.map(hasPrivateKey), damaged], [[false], []])
  await runtime.files.remove(`${directory}/chain.pem`)
  assert.equal((await listGenerations(state, name, runtime)).damaged.length, 1, 'the others must be there')
})

for (const trustUntouched of [false, true]) {
  const how = trustUntouched ? 'looking only at what was touched' : 'looking at everything'
  test(`a file that was changed or lost makes its generation damaged, and only that one (${how})`, async () => {
    const runtime = fakeRuntime()
    const first = await saveGeneration(state, name, certificate('01'), runtime)
    const second = await saveGeneration(state, name, certificate('02'), runtime)
    const third = await saveGeneration(state, name, certificate('03'), runtime)
    await runtime.files.replace(
      `${state}/certificates/${name}/${first.generation}/privkey.pem`,
      'other',
      0o600,
    )
    await runtime.files.remove(`${state}/certificates/${name}/${second.generation}/meta.json`)
    const { stored, damaged } = await listGenerations(state, name, runtime, { trustUntouched })
    assert.deepEqual(
      stored.map(({ serialNumber }) => serialNumber),
      ['03'],
    )
    assert.match(
      damaged.map(({ message }) => message).join('\n'),
      /privkey\.pem is damaged: its content has changed/,
    )
    assert.match(damaged.map(({ message }) => message).join('\n'), /meta\.json is missing/)
    assert.deepEqual(await readGeneration(state, name, third.generation, runtime), stored[0])
  })
}

test('files that were not touched can be trusted, and then they are not read', async () => {
  const runtime = fakeRuntime()
  const { generation } = await saveGeneration(state, name, certificate('01'), runtime)
  const earlier = runtime.files.calls.length
  await readGeneration(state, name, generation, runtime, { trustUntouched: true })
  const reads = runtime.files.calls.slice(earlier).filter(({ operation }) => operation === 'read')
  assert.deepEqual(
    reads.map(({ path }) => path.split('/').at(-1)),
    ['meta.json'],
  )
})

test('two earlier generations are kept, and the live one always', async () => {
  const runtime = fakeRuntime()
  const generations: string[] = []
  for (const serial of ['01', '02', '03', '04', '05', '06']) {
    generations.push((await saveGeneration(state, name, certificate(serial), runtime)).generation)
    await runtime.clock.advance(dayMs)
  }
  await switchLive(state, name, generations[1], runtime)
  await runtime.files.makeDirectory(`${state}/certificates/${name}/${temporaryPrefix}x`, 0o700)
  await pruneGenerations(state, name, runtime)
  assert.deepEqual(await runtime.files.list(`${state}/certificates/${name}`), [
    generations[1],
    generations[4],
    generations[5],
  ])
})

test('what is not a generation of ours is left alone, and counts for nothing', async () => {
  const runtime = fakeRuntime()
  const { files } = runtime
  const generations: string[] = []
  for (let made = 0; made < 4; made += 1)
    generations.push((await saveGeneration(state, name, certificate('01'), runtime)).generation)
  const directory = `${state}/certificates/${name}`
  const foreign = [
    '.git/config',
    '000000-20200101T000000Z/notes.txt', // the name of one, and nothing of ours in it
    '000000-20200101T000001Z',
    'backup/meta.json',
    'README',
  ]
  for (const path of foreign) await files.put(`${directory}/${path}`, 'mine')
  await files.put(`${directory}/${temporaryPrefix}abc/cert.pem`, 'unfinished')
  await pruneGenerations(state, name, runtime)
  const left = (await files.list(directory)).toSorted()
  const kept = [...foreign.map(path => path.replace(/\/.*/, '')), ...generations.slice(-2)]
  assert.deepEqual(left, kept.toSorted())
})

test('a generation that goes is never seen with only some of its files', async () => {
  const runtime = fakeRuntime()
  for (let made = 0; made < 3; made += 1) await saveGeneration(state, name, certificate('01'), runtime)
  runtime.files.setFaults(failOperation('remove', 'EIO'))
  await assert.rejects(pruneGenerations(state, name, runtime), { code: 'ERR_STORE' })
  const { stored, damaged } = await listGenerations(state, name, runtime)
  assert.deepEqual([stored.length, damaged], [2, []])
})

test('a disk that fails at any call leaves the live certificate as it was, or the new one whole', async () => {
  const calls = await countCalls()
  assert.ok(calls > 3, `only ${calls} calls were seen`)
  for (let call = 1; call <= calls; call++) {
    for (const when of ['before', 'after'] as const) {
      const runtime = fakeRuntime()
      const first = await saveGeneration(state, name, certificate('01'), runtime)
      await switchLive(state, name, first.generation, runtime)
      runtime.files.setFaults(failCall(runtime.files.calls.length + call, 'ENOSPC', when))
      await replaceCertificate(runtime).catch(() => {})
      runtime.files.setFaults(undefined)
      const live = await liveGeneration(state, name, runtime)
      assert.ok(live !== undefined, `call ${call} ${when}: the link is gone`)
      const served = await readGeneration(state, name, live, runtime)
      assert.ok(['01', '02'].includes(served.serialNumber))
      const { damaged } = await listGenerations(state, name, runtime)
      assert.deepEqual(damaged, [], `call ${call} ${when}: a torn generation is visible`)
    }
  }
})

test('a full disk is said in words, with what to do', async () => {
  const runtime = fakeRuntime()
  runtime.files.setFaults(failOperation('writeDirectory', 'ENOSPC'))
  await assert.rejects(
    saveGeneration(state, name, certificate('01'), runtime),
    /cannot store the certificate a\.example: .*ENOSPC/,
  )
})

async function replaceCertificate(runtime: ReturnType<typeof fakeRuntime>): Promise<void> {
  const second = await saveGeneration(state, name, certificate('02'), runtime)
  await switchLive(state, name, second.generation, runtime)
}

async function countCalls(): Promise<number> {
  const runtime = fakeRuntime()
  await replaceCertificate(runtime)
  return runtime.files.calls.length
}
