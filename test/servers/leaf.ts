/** What a server shows. */
import { X509Certificate } from 'node:crypto'
import { requireProgram, runProgram } from '../support/programs.ts'
import type { Place } from './server-case.ts'

/**
 * The fingerprint of the leaf, as openssl sees it.
 * @param name - that is asked for where the place has none
 */
export async function leafAt({ port, startTls, serverName: asked }: Place, name: string): Promise<string> {
  const serverName = asked ?? name
  const dialogue = startTls === undefined ? [] : ['-starttls', startTls]
  if (startTls === 'xmpp') dialogue.push('-xmpphost', serverName)
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', serverName, ...dialogue]
  const { stdout, stderr } = await runProgram(requireProgram('openssl'), args, { timeoutMs: 20_000 })
  const [pem] = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/s.exec(stdout) ?? []
  if (pem === undefined) throw new Error(`nothing is served at ${port}: ${stdout}\n${stderr}`)
  return new X509Certificate(pem).fingerprint256
}
