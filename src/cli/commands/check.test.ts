import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finding } from '../../manage/check/finding.ts'
import { checkText } from './check.ts'

test('what was found, by machine, CA and certificate, and how much of it is good', () => {
  const report = {
    machine: [finding('state', 'ok', '/state can be written')],
    authorities: [{ id: 'ca', findings: [finding('clock', 'warning', 'it is late', 'set it')] }],
    certificates: [
      {
        name: 'a.test',
        findings: [
          finding('dns', 'ok', 'a.test: 192.0.2.1'),
          finding('challenge', 'failed', 'a.test: 404 \u001b[31m\nsecond', 'serve\nit'),
          finding('budget', 'skipped', 'no limits are known'),
        ],
      },
    ],
  }
  assert.equal(
    checkText(report, false),
    `this machine
  ok       state      /state can be written

ca
  warning  clock      it is late
                      hint: set it

a.test
  ok       dns        a.test: 192.0.2.1
  FAILED   challenge  a.test: 404 \\u{1b}[31m
                      second
                      hint: serve
                      it
  skipped  budget     no limits are known

2 ok, 1 warning, 1 FAILED, 1 skipped
`,
  )
})
