/** HTTPS for tests: a certificate for a server on loopback, and requests that trust it. */

import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { requireProgram, runProgram } from './programs.ts'

export type ServerCertificate = {
  readonly certificateFile: string
  readonly keyFile: string
  /** What a client has to trust. */
  readonly trustPem: string
}

/** Makes a self-signed certificate for `names` and 127.0.0.1 in `directory`, good for two days. */
export async function makeServerCertificate(
  directory: string,
  names: readonly string[] = ['localhost'],
): Promise<ServerCertificate> {
  const certificateFile = join(directory, 'server.pem')
  const keyFile = join(directory, 'server.key')
  const alternativeNames = [...names.map(name => `DNS:${name}`), 'IP:127.0.0.1', 'IP:::1'].join(',')
  const { exitCode, stderr } = await runProgram(requireProgram('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-keyout', keyFile, '-out', certificateFile, '-subj', `/CN=${names[0] ?? 'localhost'}`],
    ...['-addext', `subjectAltName=${alternativeNames}`],
  ])
  if (exitCode !== 0) throw new Error(`openssl req failed: ${stderr}`)
  return { certificateFile, keyFile, trustPem: await readFile(certificateFile, 'utf8') }
}

export type TextReply = { readonly status: number; readonly text: string }

/** One HTTPS request that trusts `trustPem` alone; a body makes it a POST. */
export function httpsRequest(
  url: string,
  { trustPem, body, timeoutMs = 5_000 }: { trustPem: string; body?: string; timeoutMs?: number },
): Promise<TextReply> {
  const { promise, resolve, reject } = Promise.withResolvers<TextReply>()
  const signal = AbortSignal.timeout(timeoutMs)
  const method = body === undefined ? 'GET' : 'POST'
  const headers = { 'user-agent': 'certwright-test' } // an ACME server may insist (RFC 8555 §6.1)
  const sent = request(url, { method, headers, ca: trustPem, agent: false, signal }, reply => {
    let text = ''
    reply.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    reply.once('end', () => resolve({ status: reply.statusCode ?? 0, text }))
    reply.once('error', reject)
  })
  sent.once('error', reject)
  sent.end(body)
  return promise
}
