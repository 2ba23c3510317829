import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration, parseList, splitWords } from './configuration.ts'

const path = '/etc/haproxy/haproxy.cfg'
const parse = (text: string) => parseConfiguration([{ path, text }])

for (const [line, words] of [
  ['  bind :443 ssl # crt x', ['bind', ':443', 'ssl']],
  [String.raw`bind "a b" 'c "d"' e\ f g\#h`, ['bind', 'a b', 'c "d"', 'e f', 'g#h']],
  [String.raw`log-format "a \"b\" 'c'"`, ['log-format', `a "b" 'c'`]],
  ['', []],
  ['# nothing', []],
] as const)
  test(`the words of ${line}`, () => assert.deepEqual(splitWords(line), words))

test('what serves TLS, and with which files', () => {
  const { binds, pidFile, hasMaster } = parse(`
global
  crt-base /etc/ssl/haproxy/
  pidfile /run/h.pid
  master-worker
defaults
  mode http
frontend web
  bind :80
  bind *:443,[::1]:8443 ssl crt site.pem crt /srv/other.pem alpn h2,http/1.1
  bind 192.0.2.7:9000-9009 accept-proxy ssl crt-list /etc/list # crt no.pem
  bind /run/web.sock ssl crt site.pem
  bind quic4@:443 ssl crt site.pem
  server s 192.0.2.9:443 ssl crt /client.pem
`)
  assert.equal(pidFile, '/run/h.pid')
  assert.equal(hasMaster, true)
  assert.deepEqual(binds, [
    {
      addresses: [
        { host: '127.0.0.1', port: 443 },
        { host: '::1', port: 8443 },
      ],
      certificates: [{ path: '/etc/ssl/haproxy/site.pem' }, { path: '/srv/other.pem' }],
      lists: [],
      proxyProtocol: false,
      source: `${path}:10`,
    },
    {
      addresses: [{ host: '192.0.2.7', port: 9000 }],
      certificates: [],
      lists: ['/etc/list'],
      proxyProtocol: true,
      source: `${path}:11`,
    },
    ...[12, 13].map(line => ({
      addresses: [],
      certificates: [{ path: '/etc/ssl/haproxy/site.pem' }],
      lists: [],
      proxyProtocol: false,
      source: `${path}:${line}`,
    })),
  ])
})

test('certificates of a store, with keys of their own', () => {
  const { binds } = parse(`
crt-store shop
  crt-base /c
  key-base /k
  load crt a.crt key a.key alias a
  load crt b.pem
frontend web
  bind :443 ssl crt @shop/a crt @shop/b.pem
`)
  assert.deepEqual(binds[0]?.certificates, [{ path: '/c/a.crt', keyFile: '/k/a.key' }, { path: '/c/b.pem' }])
})

test('a path that depends on where HAProxy was started is not guessed at', () => {
  assert.deepEqual(parse('frontend web\n bind :443 ssl crt site.pem').binds[0]?.certificates, [])
})

test('a list of certificates, with names', () => {
  const text = `# the list
/c/a.pem
b.pem [alpn h2 ssl-min-ver TLSv1.2] *.b.test b.test !no.b.test

c.pem !no.c.test`
  assert.deepEqual(parseList(text, { base: '/base' }), [
    { path: '/c/a.pem' },
    { path: '/base/b.pem', names: ['*.b.test', 'b.test'] },
    { path: '/base/c.pem' },
  ])
})
