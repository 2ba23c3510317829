import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cupsPlaces, parseDirectives } from './configuration.ts'

function placesOf({
  settings = '',
  files = '',
  wanted,
}: {
  settings?: string
  files?: string
  wanted?: string
}) {
  return cupsPlaces(
    { settings: parseDirectives(settings), files: parseDirectives(files), directory: '/etc/cups' },
    { hostName: 'print.test', wanted },
  ).map(({ certificateFile, keyFile, names, endpoints }) => ({
    ...{ certificateFile, keyFile, names },
    at: endpoints.map(({ host, port }) => `${host}:${port}`).join(' '),
  }))
}

test('the certificate with the name of the server', () => {
  const settings = `# Listen 1
Listen localhost:631
Listen [::]:631
Listen 192.0.2.7
Listen /run/cups/cups.sock
Port 8631
<Location />
  Listen 9
</Location>
ServerName Office.test`
  assert.deepEqual(placesOf({ settings }), [
    {
      certificateFile: '/etc/cups/ssl/Office.test.crt',
      keyFile: '/etc/cups/ssl/Office.test.key',
      names: ['office.test'],
      at: 'localhost:631 ::1:631 192.0.2.7:631 127.0.0.1:8631',
    },
  ])
})

test('another directory, and the name of the machine', () => {
  const certificateOf = (files: string) => placesOf({ files })[0]?.certificateFile
  assert.equal(certificateOf(''), '/etc/cups/ssl/print.test.crt')
  assert.equal(certificateOf('ServerRoot /opt/cups\nServerKeychain tls/'), '/opt/cups/tls/print.test.crt')
  assert.equal(certificateOf('ServerKeychain /srv/tls'), '/srv/tls/print.test.crt')
})

test('a file of the directory that is wanted', () => {
  const filesFor = (wanted: string) => placesOf({ wanted }).map(({ certificateFile }) => certificateFile)
  const usual = '/etc/cups/ssl/print.test.crt'
  assert.deepEqual(filesFor('/etc/cups/ssl/other.test.crt'), [usual, '/etc/cups/ssl/other.test.crt'])
  assert.deepEqual(filesFor('/etc/cups/other.test.crt'), [usual])
})
