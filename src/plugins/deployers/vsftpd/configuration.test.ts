import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStartedByOthers, parseSettings, vsftpdPlaces } from './configuration.ts'

const path = '/etc/vsftpd.conf'
const pair = 'rsa_cert_file=/c/a.pem\nrsa_private_key_file=/c/a.key\n'
const placesOf = (text: string) => vsftpdPlaces(parseSettings(text, path), path)

test('the certificate, and where FTP is spoken before TLS', () => {
  assert.deepEqual(placesOf(`# comment\nlisten=YES\nlisten_port=2121\nssl_enable=YES\n${pair}`), [
    {
      certificateFile: '/c/a.pem',
      keyFile: '/c/a.key',
      source: path,
      endpoints: [{ host: '127.0.0.1', port: 2121, startTls: 'ftp' }],
    },
  ])
})

test('TLS from the first byte, and everything in one file', () => {
  const text =
    'listen_ipv6=YES\nlisten_address6=2001:db8::7\nlisten_port=990\nimplicit_ssl=yes\nssl_enable=1\nrsa_cert_file=/c/all.pem\n'
  assert.deepEqual(placesOf(text), [
    {
      certificateFile: '/c/all.pem',
      keyFile: '/c/all.pem',
      source: path,
      endpoints: [{ host: '2001:db8::7', port: 990 }],
    },
  ])
})

test('without TLS no certificate counts', () => {
  assert.deepEqual(placesOf(`ssl_enable=NO\n${pair}`), [])
  assert.deepEqual(placesOf(pair), [])
})

test('two certificates are not written to', () => {
  const found = placesOf(`ssl_enable=YES\n${pair}dsa_cert_file=/c/b.pem\n`)
  assert.deepEqual(
    found.map(({ certificateFile, foreign }) => [certificateFile, foreign !== undefined]),
    [
      ['/c/a.pem', true],
      ['/c/b.pem', true],
    ],
  )
})

test('who listens', () => {
  assert.equal(isStartedByOthers(parseSettings('listen=NO\n', path)), true)
  assert.equal(isStartedByOthers(parseSettings('listen_ipv6=YES\n', path)), false)
})

test('a line that vsftpd does not accept', () => {
  for (const line of ['no such setting', 'listen = YES', 'listen'])
    assert.equal(
      parseSettings(`listen=NO\n${line}\n`, path).mistake,
      `${path}:2 is not of the form setting=value`,
    )
})
