import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { dayMs, instant, plusMs } from '../base/instant.ts'
import type { JudgedLook } from '../manage/monitor/check-endpoint.ts'
import type { EndpointLook, Sight } from '../manage/observe/endpoint-look.ts'
import { judgeLook } from '../manage/observe/judge-look.ts'
import { parseSpecName } from '../manage/spec.ts'
import { changesBetween, isVerified, type Verified, verifyJson, verifyText } from './verify-report.ts'

const now = instant(Date.UTC(2026, 0, 1))
const endpoint = { host: '127.0.0.1', port: 443, serverName: 'a.test', source: '/n:1' }
const fingerprint = 'ab'.repeat(32)
const seen: Sight = {
  ...{ fingerprint, subject: 'a.test', issuer: 'CN=Test', names: ['a.test'] },
  ...{ notBefore: plusMs(now, -dayMs), notAfter: plusMs(now, 60 * dayMs) },
  ...{ key: 'ecdsa-p256', keyKind: 'ecdsa', protocol: 'TLSv1.3' },
  chain: { state: 'complete', remarks: [], length: 2 },
}
const name = parseSpecName('a.test')
assert.ok(name !== undefined)

function judged(look: EndpointLook): JudgedLook {
  return { look, findings: judgeLook(look, { now, wanted: { name: 'a.test', fingerprint } }) }
}
function verified(...looks: readonly EndpointLook[]): Verified {
  const monitored = { text: 'a.test:443', endpoint }
  return { certificates: [], endpoints: [{ monitored, looks: looks.map(judged) }] }
}
const good = verified({ endpoint, seen })
const other = verified({ endpoint, seen: { ...seen, fingerprint: 'cd'.repeat(32) } })
const down = verified({
  endpoint,
  error: new AppError('ERR_NETWORK', 'nothing\u001b[31m there', { hint: 'start it' }),
})
const soon = verified({
  endpoint,
  seen: { ...seen, notAfter: plusMs(now, 9 * dayMs), notBefore: plusMs(now, -81 * dayMs) },
})
const style = { now, color: false }

test('what is as it should be is one line', () => {
  assert.equal(
    verifyText(good, style).split('\n')[1],
    '-     a.test at 127.0.0.1:443  ok      a.test, ecdsa-p256, until 2026-03-02T00:00:00Z (in 60 d), TLSv1.3, 2 certificates, complete',
  )
  assert.equal(verifyText(good, style).trimEnd().split('\n').length, 2)
  assert.ok(isVerified(good))
})

test('it is said which certificate is served, which one should be, and what to do', () => {
  assert.match(
    verifyText(other, style),
    /WRONG [^]*a\.test at 127\.0\.0\.1:443: it shows certificate cdcdcdcdcdcd, and a\.test is abababababab\n {2}hint: certwright deploy a\.test/,
  )
  assert.ok(!isVerified(other))
})

test('what others say is made safe', () => {
  assert.match(verifyText(down, style), /DOWN\n[^]*nothing\\u\{1b\}\[31m there\n {2}hint: start it/)
})

test('what ends soon is said', () => {
  assert.match(verifyText(soon, style), /SOON [^]*ends 2026-01-10T00:00:00Z \(in 9 d\)/)
  assert.ok(!isVerified(soon))
})

test('an error of a target counts', () => {
  const error = new AppError('ERR_DEPLOY', 'it does not run')
  const broken: Verified = {
    endpoints: [],
    certificates: [
      { spec: { name }, fingerprint, looks: [], notes: ['know this'], errors: [{ target: 'nginx', error }] },
    ],
  }
  assert.equal(verifyText(broken, style), 'a.test: nginx: it does not run\na.test: note: know this\n')
  assert.equal(verifyJson(broken)['ok'], false)
  const nothing = { endpoints: [], certificates: [] }
  assert.deepEqual(
    changesBetween(nothing, broken).map(({ where, text }) => `${where}: ${text}`),
    ['a.test: nginx: WRONG: it does not run'],
  )
})

const moved = verified({ endpoint: { ...endpoint, host: '::1' }, seen })
const aged = verified({ endpoint, seen: { ...seen, notAfter: plusMs(seen.notAfter, -1) } })
for (const { from, to, changes } of [
  { from: good, to: good, changes: [] },
  { from: good, to: aged, changes: [] },
  { from: soon, to: soon, changes: [] },
  { from: good, to: down, changes: [/^a\.test at 127\.0\.0\.1:443 ok DOWN: nothing\\u/] },
  { from: down, to: good, changes: [/ DOWN ok, certificate abababababab$/] },
  { from: good, to: moved, changes: [/^a\.test at \[::1\]:443 undefined ok/, / ok no longer looked at$/] },
]) {
  test(`from ${verifyText(from, style).length} to ${verifyText(to, style).length} characters: ${changes.length} changes`, () => {
    const found = changesBetween(from, to)
    assert.equal(found.length, changes.length)
    for (const [index, change] of found.entries())
      assert.match(`${change.where} ${change.before} ${change.text}`, changes[index] ?? /nothing/)
  })
}
