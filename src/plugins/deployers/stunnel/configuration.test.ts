import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration, stunnelPlaces } from './configuration.ts'

const path = '/etc/stunnel/a.conf'
const parse = (text: string) => parseConfiguration([{ path, text }])

test('services, what is said for all of them, and names', () => {
  const parsed = parse(`; comment
# another
pid = /run/a.pid
cert=/c/all.pem
key = /c/all.key

[web]
accept = 443
connect = 80
[own]
Accept = :::8443
cert = /c/own.pem
[mail]
accept = 192.0.2.7:25
protocol = smtp
cert = /c/mail.pem
key = /c/mail.key
[name]
sni = web:*.A.test
cert = /c/a.pem
connect = 81
[usenet]
accept = 119
protocol = nntp
[client]
client = yes
accept = 127.0.0.1:1
[socket]
accept = /run/s.sock
`)
  assert.equal(parsed.mistake, undefined)
  assert.equal(parsed.sections[0]?.options.get('pid'), '/run/a.pid')
  assert.deepEqual(stunnelPlaces(parsed), [
    {
      ...{ certificateFile: '/c/all.pem', keyFile: '/c/all.key', source: `${path}:7 [web]` },
      endpoints: [{ host: '127.0.0.1', port: 443 }],
    },
    {
      ...{ certificateFile: '/c/own.pem', keyFile: '/c/own.pem', source: `${path}:10 [own]` },
      endpoints: [{ host: '::1', port: 8443 }],
    },
    {
      ...{ certificateFile: '/c/mail.pem', keyFile: '/c/mail.key', source: `${path}:13 [mail]` },
      endpoints: [{ host: '192.0.2.7', port: 25, startTls: 'smtp' }],
    },
    {
      ...{ certificateFile: '/c/a.pem', keyFile: '/c/a.pem', source: `${path}:18 [name]` },
      names: ['*.a.test'],
      endpoints: [{ host: '127.0.0.1', port: 443 }],
    },
    {
      ...{ certificateFile: '/c/all.pem', keyFile: '/c/all.key', source: `${path}:22 [usenet]` },
      endpoints: [],
    },
    {
      ...{ certificateFile: '/c/all.pem', keyFile: '/c/all.key', source: `${path}:28 [socket]` },
      endpoints: [],
    },
  ])
})

test('a line that stunnel does not accept', () => {
  assert.equal(parse('cert = /c\n[a]\nnonsense\n').mistake, `${path}:3 has no "="`)
})

test('directories of further files', () => {
  assert.deepEqual(parse('include = /etc/stunnel/conf.d\n').includes, ['/etc/stunnel/conf.d'])
})
