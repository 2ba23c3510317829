import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../base/errors.ts'
import { rehearsalText } from './rehearse.ts'

const options = { name: 'a.test', staging: 'letsencrypt-staging', remark: undefined, color: false }
const issue = { name: 'issue', text: 'it issued', ms: 3_210 } as const

test('what went well, how long it took, and for how long the test certificate was in place', () => {
  const steps = [issue, { name: 'put-back', text: 'served by a.test at [::1]:443', ms: 400 }] as const
  assert.equal(
    rehearsalText({ steps, shownMs: 1_500 }, options),
    `  ok      issue     it issued (3.2 s)
  ok      put-back  served by a.test at [::1]:443 (0.4 s)
a.test: the rehearsal with letsencrypt-staging went well
  the test certificate was in place for 1.5 s
`,
  )
})

test('what failed, with what to do, and why servers were left alone', () => {
  const error = new AppError('ERR_DEPLOY', 'nginx: no\nreally', { hint: 'see \u001b its log' })
  const steps = [issue, { name: 'server', text: 'nginx: no\nreally', ms: 50, error }] as const
  assert.equal(
    rehearsalText({ steps }, { ...options, remark: 'servers were left alone' }),
    `  ok      issue     it issued (3.2 s)
  FAILED  server    nginx: no (0.1 s)
                    really
                    hint: see \\u{1b} its log
a.test: the rehearsal with letsencrypt-staging failed; a renewal would have failed there too
  servers were left alone
`,
  )
})
