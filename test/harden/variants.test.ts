/** What the servers of the distribution cannot show: a library that knows the post-quantum group; and DHE where it was asked for. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { fitProfile } from '../../src/harden/fitted.ts'
import { hardenedSettings } from '../../src/harden/harden.ts'
import { parseVersion } from '../../src/harden/version.ts'
import { makeServerCertificate } from '../support/https.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { shakesHands } from './handshakes.ts'
import { runToEnd } from './settings.ts'

const nodeLibrary = { kind: 'openssl', version: parseVersion(process.versions.openssl) ?? [] } as const
const fitted = fitProfile('intermediate', { library: nodeLibrary, serverSpeaksTls13: true, dhe: false })
const withoutGroup = fitted.groups[0] === 'X25519MLKEM768' ? false : "this Node's OpenSSL is older than 3.5"

test('an OpenSSL of 3.5 takes the groups and ciphers as they are written', {
  skip: withoutGroup || skipWithout('openssl'),
}, async () => {
  await using temporary = await tempDirectory()
  const { certificateFile, keyFile } = await makeServerCertificate(temporary.path)
  const server = createServer({
    cert: await readFile(certificateFile),
    key: await readFile(keyFile),
    ecdhCurve: fitted.groups.join(':'),
    ciphers: [...fitted.suites, ...fitted.ciphers].join(':'),
    minVersion: fitted.lowest,
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.on('tlsClientError', () => {}).on('secureConnection', socket => socket.end())
  const reaches = (ecdhCurve: string) =>
    new Promise<boolean>(resolve => {
      const socket = connect({ port, host: '127.0.0.1', ecdhCurve, rejectUnauthorized: false })
      socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false))
      socket.resume()
    })
  try {
    const groups = ['X25519MLKEM768', 'X25519', 'prime256v1', 'secp384r1', 'secp521r1', 'X448']
    const results: boolean[] = []
    for (const group of groups) results.push(await reaches(group))
    assert.deepEqual(results, [true, true, true, true, false, false])
  } finally {
    server.close()
  }
})

test('with a group of RFC 7919 nginx offers DHE, too', {
  skip: skipWithout('nginx', 'openssl'),
}, async () => {
  await using temporary = await tempDirectory()
  const dhFile = join(temporary.path, 'ffdhe2048.pem')
  const command = /openssl (genpkey .*ffdhe2048)/.exec(
    hardenedSettings('nginx', { profile: 'intermediate', dhFile, explain: true }).blocks[0]?.settings.find(
      ({ text }) => text.startsWith('ssl_dhparam'),
    )?.cost ?? '',
  )?.[1]
  assert.ok(command, 'the explanation says how the group is written')
  await writeFile(dhFile, await runToEnd('openssl', command.split(' ')))
  const { certificateFile, keyFile } = await makeServerCertificate(temporary.path)
  await runToEnd('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-keyout', keyFile, '-out', certificateFile], // DHE is for RSA alone
  ])
  assert.equal(new X509Certificate(await readFile(certificateFile)).publicKey.asymmetricKeyType, 'rsa')
  const settingsFile = join(temporary.path, 'tls.conf')
  await writeFile(settingsFile, hardenedSettings('nginx', { profile: 'intermediate', dhFile }).text)
  const port = await freePort()
  await using _nginx = await startNginx({
    serverBlocks: `server { listen 127.0.0.1:${port} ssl; include ${settingsFile};
      ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; }`,
  })
  assert.ok(await shakesHands({ port }, { protocol: 'tls1_2', cipher: 'ECDHE-RSA-AES128-GCM-SHA256' }))
  assert.ok(!(await shakesHands({ port }, { protocol: 'tls1_2', cipher: 'DHE-RSA-AES128-SHA' })))
  const { stdout } = await runProgram(requireProgram('openssl'), [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256'],
  ])
  assert.match(stdout, /^Server Temp Key: DH, 2048 bits$/m)
})
