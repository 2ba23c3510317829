import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authorization } from '../../acme/authorization.ts'
import type { Challenge } from '../../acme/challenge.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import type { Order } from '../../acme/order.ts'
import { parseUrl } from '../../acme/wire.ts'
import type { AcmeClient } from '../../client/client.ts'
import type { Solver } from '../../contracts/solver.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { createSigner, generateAccountKey } from '../../x509/key.ts'
import { obtainCertificate, type Proof, pursueOrder } from './obtain.ts'

const at = (path: string) => parseUrl(`https://ca.example/${path}`)
const identifier = parseIdentifier('a.example')
const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const account = { url: at('account'), signer: createSigner(await generateAccountKey('ES256')) }

for (const { status, answered, checked } of [
  { status: 'pending', answered: 1, checked: 1 },
  // Answered by a process that was killed, and its response with it.
  { status: 'processing', answered: 0, checked: 0 },
] as const) {
  test(`the response to a challenge that is ${status} is in place when the CA looks, and gone in the end`, async () => {
    const facts = { url: at('order'), identifiers: [identifier], finalize: at('finalize') }
    const pending: Order = { ...facts, authorizations: [at('authorization')], status: 'pending' }
    const challenge: Challenge = { url: at('challenge'), type: 'http-01', token, status }
    const authorization: Authorization = {
      ...{ url: at('authorization'), identifier, wildcard: false },
      ...{ status: 'pending', challenges: [challenge] },
    }
    const inPlace = new Set<unknown>()
    const seen = { answers: 0, checks: 0, byCa: [] as unknown[] }
    const solver: Solver = {
      name: 'test',
      type: 'http-01',
      refusal: () => undefined,
      provision: async challenge => ({ token: challenge.token }),
      present: async provision => void inPlace.add(provision['token']),
      selfCheck: async () => {
        seen.checks += 1
        return { outcome: 'visible' }
      },
      cleanUp: async provision => void inPlace.delete(provision['token']),
    }
    const client: Partial<AcmeClient> = {
      readAuthorization: async () => ({ authorization, retryAt: undefined }),
      answerChallenge: async () => {
        seen.answers += 1
        return { challenge, retryAt: undefined }
      },
      readOrder: async () => {
        seen.byCa = [...inPlace]
        const order: Order = { ...pending, status: 'valid', certificate: at('certificate') }
        return { order, retryAt: undefined }
      },
      certificate: async () => ({ chain: [], alternates: [] }),
    }
    const { signal } = new AbortController()
    await obtainCertificate(
      client as AcmeClient, // nothing else of it is used
      account,
      { order: pending, csr: new Uint8Array(), solver, selfCheck: true, signal },
      fakeRuntime({}, { autoAdvance: true }),
    )
    assert.deepEqual(seen, { answers: answered, checks: checked, byCa: [token] })
    assert.deepEqual([...inPlace], [])
  })
}

test('each identifier is proven by its own solver, and all of it is known before anything is put anywhere', async () => {
  const names = ['a.example', 'b.example', 'c.example']
  const identifiers = names.map(parseIdentifier)
  const pending: Order = {
    ...{ url: at('order'), identifiers, finalize: at('finalize'), status: 'pending' },
    authorizations: names.map(at),
  }
  const happened: string[] = []
  const proofBy = (name: string, selfCheck: boolean): Proof => ({
    selfCheck,
    onPresenting: async provisions => void happened.push(`${name} will put ${provisions.length}`),
    solver: {
      name,
      type: 'http-01',
      refusal: () => undefined,
      provision: async ({ identifier }) => ({ for: identifier.value }),
      present: async provision => void happened.push(`${name} puts ${JSON.stringify(provision)}`),
      selfCheck: async challenge => {
        happened.push(`${name} looks at ${challenge.identifier.value}`)
        return { outcome: 'visible' }
      },
      cleanUp: async () => {},
    },
  })
  const [files, port] = [proofBy('files', true), proofBy('port', false)]
  const client: Partial<AcmeClient> = {
    readAuthorization: async (_, url) => {
      const identifier = parseIdentifier(url.slice(url.lastIndexOf('/') + 1))
      const challenge: Challenge = { url, type: 'http-01', token, status: 'pending' }
      const facts = { url, identifier, wildcard: false, challenges: [challenge] }
      return { authorization: { ...facts, status: 'pending' }, retryAt: undefined }
    },
    answerChallenge: async () => Promise.reject(new Error('far enough')),
  }
  await assert.rejects(
    pursueOrder(
      client as AcmeClient, // nothing else of it is used
      account,
      {
        ...{ order: pending, csr: new Uint8Array(), signal: new AbortController().signal },
        proofFor: ({ value }) => (value === 'b.example' ? port : files),
      },
      fakeRuntime({}, { autoAdvance: true }),
    ),
    /far enough/,
  )
  assert.deepEqual(happened, [
    ...['files will put 2', 'port will put 1'],
    'files puts {"for":"a.example"}',
    'files puts {"for":"c.example"}',
    'port puts {"for":"b.example"}',
    ...['files looks at a.example', 'files looks at c.example'],
  ])
})
