import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../base/errors.ts'
import { fakeHttp, textReply } from '../testing/fake-network.ts'
import { lookByHttp, parseHsts } from './http-look.ts'

const headers: readonly (readonly [string, ReturnType<typeof parseHsts>])[] = [
  ['max-age=300', { maxAgeSeconds: 300, includeSubDomains: false, preload: false }],
  [
    'Max-Age="300" ; IncludeSubDomains;preload',
    { maxAgeSeconds: 300, includeSubDomains: true, preload: true },
  ],
  ['includeSubDomains; max-age=0', { maxAgeSeconds: 0, includeSubDomains: true, preload: false }],
  ['max-age=300, max-age=1', { maxAgeSeconds: 300, includeSubDomains: false, preload: false }],
  ['max-age=300; max-age=1', undefined],
  ['max-age', undefined],
  ['max-age=-1', undefined],
  ['includeSubDomains', undefined],
  ['', undefined],
]
for (const [text, expected] of headers) {
  test(`the header "${text}" is ${expected === undefined ? 'ignored' : 'read'}`, () => {
    assert.deepEqual(parseHsts(text), expected)
  })
}

const target = { host: 'shop.example', address: '192.0.2.1', port: 443, serverName: 'shop.example' }
const { signal } = new AbortController()

const plainCases = [
  ['to-https', textReply(301, '', { location: 'https://shop.example/' })],
  ['elsewhere', textReply(302, '', { location: '/start' })],
  ['elsewhere', textReply(302, '', { location: 'http://www.shop.example/' })],
  ['answers', textReply(200, 'hello')],
  ['answers', textReply(404, 'nothing here', { location: 'https://shop.example/' })],
  ['closed', undefined],
] as const
for (const [expected, reply] of plainCases) {
  test(`plain HTTP that ${reply === undefined ? 'nobody answers' : `answers ${reply.status} ${reply.headers.get('location') ?? ''}`} is "${expected}"`, async () => {
    const http = fakeHttp(url => (url.startsWith('https:') ? textReply(200, '') : reply))
    assert.equal((await lookByHttp(target, { httpPort: 80, known: true, signal }, { http })).plain, expected)
  })
}

test('the page is asked from the very address, whatever its certificate', async () => {
  const http = fakeHttp((url, { address, anyCertificate }) => {
    assert.equal(url, 'https://shop.example:443/')
    assert.equal(address, '192.0.2.1')
    assert.equal(anyCertificate, true)
    return textReply(200, '', { server: 'nginx\u001b[2J', 'strict-transport-security': 'max-age=1' })
  })
  assert.deepEqual(await lookByHttp(target, { httpPort: undefined, known: true, signal }, { http }), {
    spoken: true,
    server: 'nginx\\u{1b}[2J',
    hsts: { maxAgeSeconds: 1, includeSubDomains: false, preload: false },
  })
})

test('a server that does not answer HTTP is no failure of the scan', async () => {
  const seen = await lookByHttp(
    target,
    { httpPort: undefined, known: true, signal },
    { http: fakeHttp(() => undefined) },
  )
  assert.equal(seen.spoken, false)
  assert.match(seen.failure ?? '', /cannot connect/)
})

test('of a page that is too large only the headers are asked for', async () => {
  const http = fakeHttp((_, { method }) => {
    if (method === 'GET') throw new AppError('ERR_REPLY_TOO_LARGE', 'too large')
    return textReply(200, '', { 'strict-transport-security': 'max-age=1' })
  })
  const { hsts } = await lookByHttp(target, { httpPort: undefined, known: true, signal }, { http })
  assert.deepEqual(hsts, { maxAgeSeconds: 1, includeSubDomains: false, preload: false })
})

test('being stopped is not taken for an answer', async () => {
  const http = async () => {
    throw new AppError('ERR_ABORTED', 'stopped')
  }
  await assert.rejects(lookByHttp(target, { httpPort: undefined, known: true, signal }, { http }), {
    code: 'ERR_ABORTED',
  })
})
