import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import type { NotificationKind } from '../../contracts/notifier.ts'
import { fakeHttp, textReply } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { defaultSpecName } from '../spec.ts'
import type { RunResult } from './decide.ts'
import { reportRun } from './report.ts'

const heartbeat = 'https://hc.example/ping/8f14e45f'
const result = (value: string, outcome: RunResult['outcome']): RunResult => {
  const identifiers = [{ type: 'dns', value }] as const
  const failed = outcome === 'failed' || outcome === 'refused'
  return {
    spec: { name: defaultSpecName(identifiers[0]), identifiers },
    outcome,
    targets: [],
    ...(failed && { error: new AppError('ERR_ORDER', 'refused\nby the CA') }),
  }
}

async function report(results: readonly RunResult[], configured = results.map(({ spec }) => spec.name)) {
  const beats: string[] = []
  const kinds: NotificationKind[] = []
  const http = fakeHttp((url, { body }) => {
    beats.push(`${url} ${body}`)
    return textReply(200, 'OK')
  })
  const runtime = fakeRuntime({ http })
  const problems = await reportRun(
    '/state',
    { results, configured: [...configured] },
    {
      notify: [{ name: 'one', label: 'one', options: {} }],
      heartbeat,
      notifierFor: async () => ({ name: 'one', send: async ({ kind }) => void kinds.push(kind) }),
      signal: new AbortController().signal,
    },
    runtime,
  )
  return { beats, kinds, problems }
}

const cases = [
  {
    name: 'a run that went well',
    results: [
      result('a.example', 'issued'),
      result('b.example', 'unchanged'),
      result('c.example', 'unchanged'),
    ],
    beats: [`${heartbeat} 3 certificates: 1 issued, 2 unchanged`],
    kinds: ['renewed'],
  },
  {
    name: 'a run in which one failed',
    results: [result('a.example', 'failed'), result('b.example', 'waiting')],
    beats: [`${heartbeat}/fail 2 certificates: 1 failed, 1 waiting\na.example: refused\nby the CA`],
    kinds: ['failed'],
  },
  {
    name: 'a run that waits',
    results: [result('a.example', 'waiting')],
    beats: [`${heartbeat} 1 certificate: 1 waiting`],
    kinds: [],
  },
  { name: 'a run with nothing to look at', results: [], beats: [`${heartbeat} 0 certificates`], kinds: [] },
]
for (const { name, results, beats, kinds } of cases) {
  test(`${name} is ${kinds.join(', ') || 'nothing'} to people and ${beats.length} heartbeat`, async () => {
    const reported = await report(results)
    assert.deepEqual(reported, {
      beats,
      kinds,
      problems: [],
    })
  })
}

test('a run about some certificates has no heartbeat', async () => {
  const other = result('b.example', 'unchanged').spec.name
  const one = result('a.example', 'failed')
  const { beats, kinds } = await report([one], [one.spec.name, other])
  assert.deepEqual([beats, kinds], [[], ['failed']])
})
