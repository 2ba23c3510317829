import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGradeTarget } from './target.ts'

const good = [
  ['shop.example', {}, ['shop.example', 443, 'shop.example', undefined]],
  ['shop.example:8443', {}, ['shop.example', 8443, 'shop.example', undefined]],
  ['https://shop.example/', {}, ['shop.example', 443, 'shop.example', undefined]],
  ['localhost', {}, ['localhost', 443, 'localhost', undefined]],
  ['192.0.2.1', {}, ['192.0.2.1', 443, undefined, undefined]],
  ['2001:db8::1', {}, ['2001:db8::1', 443, undefined, undefined]],
  ['[2001:db8::1]:8443', { serverName: 'Shop.Example' }, ['2001:db8::1', 8443, 'shop.example', undefined]],
  ['smtp://mail.example', {}, ['mail.example', 25, 'mail.example', 'smtp']],
  ['SMTP://mail.example:587', {}, ['mail.example', 587, 'mail.example', 'smtp']],
  ['mail.example', { startTls: 'imap' }, ['mail.example', 143, 'mail.example', 'imap']],
  ['imap://mail.example', { startTls: 'imap' }, ['mail.example', 143, 'mail.example', 'imap']],
  ['bücher.example.', {}, ['xn--bcher-kva.example', 443, 'xn--bcher-kva.example', undefined]],
] as const
for (const [text, given, [host, port, serverName, startTls]] of good) {
  test(`${text} is port ${port} of ${host}`, () => {
    assert.deepEqual(parseGradeTarget(text, given), { host, port, serverName, startTls })
  })
}

const bad = [
  ['', {}, /no host/],
  ['shop.example:0', {}, /no host/],
  ['shop.example:65536', {}, /no host/],
  ['shop.example:https', {}, /no host/],
  ['shop example', {}, /no host/],
  ['-shop.example', {}, /no host/],
  ['http://shop.example', {}, /http:\/\/ is not known/],
  ['https://shop.example/path', {}, /no host/],
  ['smtp://mail.example', { startTls: 'imap' }, /it says smtp/],
  ['shop.example', { serverName: '192.0.2.1' }, /no DNS name/],
  ['shop.example', { serverName: 'a b' }, /no DNS name/],
] as const
for (const [text, given, message] of bad) {
  test(`"${text}" is refused: ${message.source}`, () => {
    assert.throws(() => parseGradeTarget(text, given), { code: 'ERR_USAGE', message })
  })
}
