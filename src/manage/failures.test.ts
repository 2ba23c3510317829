import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { fakeRuntime } from '../testing/fake-runtime.ts'
import { failOperation } from '../testing/faulty-files.ts'
import { defineCertificate } from './define.ts'
import { countFailures } from './failures.ts'
import { createRecollection } from './recollection.ts'
import { readAttempts } from './store/attempts.ts'

const spec = defineCertificate({
  identifiers: ['a.example'],
  authority: { id: 'ca', directory: 'https://ca.example/directory' },
})
const error = new AppError('ERR_NETWORK', 'the CA is down')

test('failures in a row are counted in the store, and one kind is forgotten without the other', async () => {
  const runtime = fakeRuntime()
  const failures = countFailures('/state', { spec, earlier: {} }, runtime)
  await failures.failed('issuance', error)
  await failures.failed('issuance', error)
  await failures.failed('delivery', error)
  const stored = await readAttempts('/state', spec.name, runtime)
  assert.deepEqual([stored.issuance?.count, stored.delivery?.count], [2, 1])

  const later = countFailures('/state', { spec, earlier: stored }, runtime)
  await later.succeeded('issuance')
  assert.deepEqual(Object.keys(await readAttempts('/state', spec.name, runtime)), ['delivery'])
  await later.settled()
  assert.deepEqual(await readAttempts('/state', spec.name, runtime), {})
  assert.deepEqual([...runtime.files.snapshot()], [], 'nothing is left on disk')
})

test('what cannot be written down is kept by the process until it can be', async () => {
  const runtime = fakeRuntime()
  const recollection = createRecollection()
  runtime.files.setFaults(failOperation('replace', 'ENOSPC'))
  const failures = countFailures('/state', { spec, earlier: {}, recollection }, runtime)
  const { retryAt } = await failures.failed('issuance', error)
  assert.equal(recollection.attempts.get(spec.name)?.issuance?.retryAt, retryAt)
  assert.deepEqual(await readAttempts('/state', spec.name, runtime), {})

  runtime.files.setFaults(undefined)
  await failures.failed('issuance', error)
  assert.equal(recollection.attempts.size, 0)
  assert.equal((await readAttempts('/state', spec.name, runtime)).issuance?.count, 2)
})
