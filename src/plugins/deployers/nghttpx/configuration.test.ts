import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastValue, nghttpxPlaces, parseOptions } from './configuration.ts'

const path = '/etc/nghttpx/nghttpx.conf'
const placesOf = (text: string) => nghttpxPlaces(parseOptions(text, path).options)

test('every certificate is served at every frontend with TLS', () => {
  const endpoints = [
    { host: '127.0.0.1', port: 443 },
    { host: '::1', port: 8443, proxyProtocol: true },
  ]
  const places = placesOf(`# comment
frontend=*,443
frontend=::1,8443;proxyproto
frontend=127.0.0.1,8080;no-tls;api
frontend=*,443;quic
frontend=unix:/run/n.sock
private-key-file=/c/a.key
certificate-file=/c/a.pem
subcert=/c/b.key:/c/b.pem;sct-dir=/c/sct
subcert=relative.key:relative.pem
`)
  assert.deepEqual(places, [
    { certificateFile: '/c/a.pem', keyFile: '/c/a.key', source: `${path}:8`, endpoints },
    { certificateFile: '/c/b.pem', keyFile: '/c/b.key', source: `${path}:9`, endpoints },
  ])
})

test('without a frontend it listens at port 3000, and without TLS no certificate counts', () => {
  const pair = 'private-key-file=/c/a.key\ncertificate-file=/c/a.pem\n'
  assert.deepEqual(placesOf(pair)[0]?.endpoints, [{ host: '127.0.0.1', port: 3000 }])
  assert.deepEqual(placesOf(`frontend=*,80;no-tls\n${pair}`), [])
})

test('what was said last counts, and a line without a value is a mistake', () => {
  const { options, mistake } = parseOptions('pid-file=/a\n\npid-file=/b=c\nnonsense\n', path)
  assert.equal(lastValue(options, 'pid-file'), '/b=c')
  assert.equal(mistake, `${path}:4 has no "="`)
})
