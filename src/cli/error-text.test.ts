import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { describeError, errorJson } from './error-text.ts'

test('what failed first is told, also where giving something back failed too', () => {
  const first = new AppError('ERR_NETWORK', 'no answer', { hint: 'look at the network' })
  const suppressed = (by: Error, what: unknown) =>
    Object.assign(new Error(), { name: 'SuppressedError', error: by, suppressed: what })
  const both = suppressed(new Error('cannot stop'), suppressed(new Error('cannot close'), first))
  assert.equal(
    describeError(both, { color: false, verbose: false }),
    'error: no answer\nhint: look at the network\n',
  )
  assert.deepEqual(errorJson(both), {
    code: 'ERR_NETWORK',
    message: 'no answer',
    hint: 'look at the network',
  })
})
