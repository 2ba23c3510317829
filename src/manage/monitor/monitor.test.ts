import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { minuteMs, plusMs } from '../../base/instant.ts'
import type { ProbeTarget } from '../../runtime/network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { testAuthority } from '../../testing/test-authority.ts'
import { readEndpointRecords } from './endpoint-records.ts'
import { monitorEndpoints } from './monitor.ts'

const state = '/s'
const signal = new AbortController().signal
const monitored = (host: string) => ({ text: `${host}:443`, endpoint: { host, port: 443, source: '/c' } })

test('what is seen is written down, and what is not seen is looked at twice', async () => {
  const runtime = fakeRuntime({
    probeTls: async ({ host }: ProbeTarget) => {
      asked.push(host)
      const isLost = host === '192.0.2.1' && asked.filter(one => one === host).length === 1
      if (isLost || host === '192.0.2.2')
        throw new AppError('ERR_NETWORK', 'nothing listens there', { hint: 'start it' })
      const { leafDer, intermediateDer } = certificate
      return { leaf: leafDer, chain: [leafDer, intermediateDer], protocol: 'TLSv1.3' }
    },
  })
  const asked: string[] = []
  const authority = await testAuthority(runtime.clock.now())
  const certificate = await authority.issue([{ type: 'ip', value: '192.0.2.1' }])
  const looking = monitorEndpoints(state, ['192.0.2.1', '192.0.2.2'].map(monitored), { signal }, runtime)
  await runtime.clock.advance(minuteMs)
  const { records, problems } = await looking
  assert.deepEqual(problems, [])
  assert.deepEqual(
    records.map(({ endpoint, looks }) => [
      endpoint,
      looks.map(({ findings }) => findings.map(({ kind }) => kind)),
    ]),
    [
      ['192.0.2.1:443', [['chain']]],
      ['192.0.2.2:443', [['down']]],
    ],
  )
  assert.equal(asked.filter(host => host === '192.0.2.2').length, 2)
  assert.deepEqual(
    records[0]?.looks[0]?.notAfter,
    plusMs(records[0]?.at ?? runtime.clock.now(), 24 * 60 * minuteMs - 5_000),
  )
  assert.deepEqual(await readEndpointRecords(state, runtime), records)

  assert.deepEqual(await monitorEndpoints(state, [], { signal }, runtime), { records: [], problems: [] })
  assert.deepEqual(await readEndpointRecords(state, runtime), [])
})

test('a store that cannot be used keeps nobody from looking', async () => {
  const runtime = fakeRuntime()
  await runtime.files.put(`${state}/endpoints.json`, 'no JSON')
  const looking = monitorEndpoints(state, [monitored('192.0.2.1')], { signal }, runtime)
  await runtime.clock.advance(minuteMs)
  assert.equal((await looking).records[0]?.looks[0]?.findings[0]?.kind, 'down')
  assert.equal((await readEndpointRecords(state, runtime)).length, 1, 'it is written over')
  await runtime.files.put(`${state}/endpoints.json`, 'no JSON')
  const { problems } = await monitorEndpoints(state, [], { signal }, runtime)
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['ERR_STORE_CORRUPT'],
  )
})
