import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EndpointAddress, formatEndpoint, parseEndpoint, suggestScheme } from './endpoint-text.ts'
import { startTlsProtocols } from './network.ts'

const cases: readonly (readonly [string, EndpointAddress, string?])[] = [
  ['mail.example.com:993', { host: 'mail.example.com', port: 993 }],
  ['127.0.0.1:443', { host: '127.0.0.1', port: 443 }],
  ['[2001:db8::1]:443', { host: '2001:db8::1', port: 443 }],
  ['https://www.example.com', { host: 'www.example.com', port: 443 }, 'www.example.com:443'],
  ['https://www.example.com:8443/', { host: 'www.example.com', port: 8443 }, 'www.example.com:8443'],
  ['tls://[::1]', { host: '::1', port: 443 }, '[::1]:443'],
  ['imaps://mail.example.com', { host: 'mail.example.com', port: 993 }, 'mail.example.com:993'],
  [
    'smtp://mail.example.com',
    { host: 'mail.example.com', port: 25, startTls: 'smtp' },
    'smtp://mail.example.com:25',
  ],
  ['smtp://[::1]:2525', { host: '::1', port: 2525, startTls: 'smtp' }],
  [
    'submission://mail.example.com',
    { host: 'mail.example.com', port: 587, startTls: 'smtp' },
    'smtp://mail.example.com:587',
  ],
  ['mariadb://db.example', { host: 'db.example', port: 3306, startTls: 'mysql' }, 'mysql://db.example:3306'],
]
for (const [text, address, formatted = text] of cases) {
  test(`${text} is understood`, () => {
    assert.deepEqual(parseEndpoint(text), address)
    assert.equal(formatEndpoint(address), formatted)
    assert.deepEqual(parseEndpoint(formatted), address)
  })
}

test('each protocol with a dialogue has a scheme of its name', () => {
  for (const startTls of startTlsProtocols)
    assert.equal(parseEndpoint(`${startTls}://a.example`)?.startTls, startTls)
})

for (const text of [
  '',
  ':1',
  'a',
  'a/',
  'a:1/',
  'a:0',
  'a:65536',
  '2001:db8::1:443',
  'a:b',
  'gopher://a:1',
  'http://a',
  'https://a/path',
  'https://user@a',
  'SMTP://a',
  'smtp:a',
  'smtp://',
  'smtp://a:0',
  'tls://a:443 ',
]) {
  test(`${JSON.stringify(text)} is no endpoint`, () => {
    assert.equal(parseEndpoint(text), undefined)
  })
}

for (const [text, expected] of [
  ['smpt://a.example', 'smtp'],
  ['IMAP://a.example', 'imap'],
  ['gopher://a.example', undefined],
  ['smtp://', undefined],
  ['a.example:x', undefined],
] as const)
  test(`${text} was probably meant as ${expected ?? 'nothing'}`, () => {
    assert.equal(suggestScheme(text), expected)
  })
