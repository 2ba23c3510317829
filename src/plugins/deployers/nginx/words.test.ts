import assert from 'node:assert/strict'
import test from 'node:test'
import { complaint, warnings } from './words.ts'

const result = (stderr: string, exitCode: number | undefined = 1) => ({ exitCode, stdout: '', stderr })

test('the severe lines are the complaint, once', () => {
  const stderr = [
    'nginx: [warn] conflicting server name "a" on 0.0.0.0:80, ignored',
    'nginx: [emerg] unknown directive "x\u001b[31m" in /etc/nginx/nginx.conf:3',
    '2026/11/21 03:00:00 [emerg] 12#12: unknown directive "x\u001b[31m" in /etc/nginx/nginx.conf:3',
    'nginx: configuration file /etc/nginx/nginx.conf test failed',
  ].join('\n')
  assert.equal(complaint(result(stderr)), 'unknown directive "x\\u{1b}[31m" in /etc/nginx/nginx.conf:3')
  assert.deepEqual(warnings(result(stderr)), [
    'nginx warns: conflicting server name "a" on 0.0.0.0:80, ignored',
  ])
})

test('without a severe line everything is said, and silence is named', () => {
  assert.equal(complaint(result('nginx: one\n\ntwo\n')), 'one; two')
  assert.equal(complaint(result('', 3)), 'it ended with status 3 and said nothing')
  assert.equal(complaint({ exitCode: undefined, stdout: '', stderr: '' }), 'it was ended by a signal')
})
