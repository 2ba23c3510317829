/** Stapling in force: a CA with a responder on loopback, and servers that ask it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'
import { makeSite, runToEnd } from './settings.ts'
import { startApache, startNginxWith } from './web-servers.ts'

for (const { server, program, start } of [
  { server: 'nginx', program: 'nginx', start: startNginxWith },
  { server: 'apache', program: 'apache2', start: startApache },
]) {
  test(`${server} staples`, { skip: skipWithout(program, 'openssl'), timeout: 120_000 }, async () => {
    await using authority = await startAuthority()
    await using site = await makeSite(server, { profile: 'intermediate', staple: true })
    await using started = await start({ ...site, ...authority })
    // nginx fetches the proof only when it is asked for the first time.
    await until(`a stapled proof of ${server}`, async () => {
      const { stdout } = await runProgram(requireProgram('openssl'), [
        ...['s_client', '-connect', `127.0.0.1:${started.port}`, '-servername', 'localhost', '-status'],
      ])
      return /OCSP Response Status: successful[^]*Cert Status: good/.test(stdout) ? true : undefined
    })
    assert.ok(authority.asked() > 0)
  })
}

/** A CA with one certificate, which names the CA's responder. */
async function startAuthority() {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await tempDirectory())
  const file = (name: string) => join(path, name)
  let asked = 0
  const responder = createServer((request, reply) => {
    asked++
    answer(request, file).then(
      response => reply.setHeader('content-type', 'application/ocsp-response').end(response),
      () => reply.writeHead(500).end(),
    )
  }).listen(0, '127.0.0.1')
  await once(responder, 'listening')
  started.defer(() => void responder.close())
  const { port } = responder.address() as AddressInfo // it listens on TCP
  await runToEnd('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=Test Root'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ])
  await runToEnd('openssl', [
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost'],
    ...['-keyout', file('leaf.key'), '-out', file('leaf.csr')],
  ])
  await writeFile(
    file('extensions'),
    `subjectAltName=DNS:localhost\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/\n`,
  )
  await runToEnd('openssl', [
    ...['x509', '-req', '-in', file('leaf.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-set_serial', '0x1234', '-days', '2', '-extfile', file('extensions'), '-out', file('leaf.pem')],
  ])
  await writeFile(file('index.txt'), 'V\t991231235959Z\t\t1234\tunknown\t/CN=localhost\n')
  const chain = `${await readFile(file('leaf.pem'), 'utf8')}${await readFile(file('ca.pem'), 'utf8')}`
  await writeFile(file('chain.pem'), chain)
  const all = started.move()
  return {
    certificateFile: file('chain.pem'),
    keyFile: file('leaf.key'),
    asked: () => asked,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** GET with the request in the path, or POST (RFC 6960 appendix A). */
async function answer(request: IncomingMessage, file: (name: string) => string): Promise<Buffer> {
  const body = Buffer.concat(await request.toArray())
  const inPath = decodeURIComponent((request.url ?? '').replace(/^\/+/, ''))
  await writeFile(file('request'), request.method === 'GET' ? Buffer.from(inPath, 'base64') : body)
  await runToEnd('openssl', [
    ...['ocsp', '-index', file('index.txt'), '-CA', file('ca.pem'), '-ndays', '1'],
    ...['-rsigner', file('ca.pem'), '-rkey', file('ca.key')],
    ...['-reqin', file('request'), '-respout', file('response')],
  ])
  return await readFile(file('response'))
}
