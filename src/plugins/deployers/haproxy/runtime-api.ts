/** Certificates of a running HAProxy, changed without a reload over its socket for administrators. */
import { createHash } from 'node:crypto'
import { AppError, isAppError, messageOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { certificatesIn } from '../server/pem-blocks.ts'
import type { CertificatePlace } from '../server/place.ts'
import { readText } from '../server/read-text.ts'

export type HaproxySocket = {
  readonly path: string
  readonly runtime: Pick<Runtime, 'askSocket' | 'files'>
  readonly signal: AbortSignal
}

/** What may be among what HAProxy says when a command was refused to this socket. */
const maxComplaint = 300

/**
 * The files that the running HAProxy has loaded, as it calls them.
 * @throws AppError ERR_DEPLOY where it cannot be asked
 */
export async function loadedFiles(socket: HaproxySocket): Promise<readonly string[]> {
  const said = await ask('show ssl cert\n', socket)
  const lines = said.split('\n').map(line => line.trim().replace(/^\*/, ''))
  const files = lines.filter(line => line !== '' && !line.startsWith('#'))
  if (files.some(line => /permission denied|unknown command/i.test(line))) throw refusal(said, socket)
  return files
}

/**
 * Gives HAProxy what lies in the files that it has loaded, where that is another certificate.
 * @throws AppError ERR_DEPLOY; HAProxy goes on with the certificate that was refused as it was
 */
export async function updateLoaded(
  places: readonly CertificatePlace[],
  socket: HaproxySocket,
): Promise<void> {
  const loaded = await loadedFiles(socket)
  const wanted = new Map(places.map(place => [place.certificateFile, place]))
  for (const [file, place] of wanted) if (loaded.includes(file)) await update(file, place, socket)
}

async function update(file: string, { keyFile }: CertificatePlace, socket: HaproxySocket): Promise<void> {
  const certificates = (await readText(file, socket.runtime)) ?? ''
  const key = keyFile === file ? '' : ((await readText(keyFile, socket.runtime)) ?? '')
  const [leaf] = certificatesIn(certificates)
  const name = file.replace(/[\s;\\]/g, '\\$&')
  const present = await ask(`show ssl cert ${name}\n`, socket)
  if (leaf === undefined || fingerprintIn(present) === sha1(leaf)) return
  const set = await ask(`set ssl cert ${name} <<\n${payload(`${key}\n${certificates}`)}\n`, socket)
  if (!/Transaction (created|updated)/.test(set)) throw refusal(set, socket)
  const commit = await ask(`commit ssl cert ${name}\n`, socket)
  if (/Success!/.test(commit)) return
  await ask(`abort ssl cert ${name}\n`, socket)
  throw refusal(commit, socket)
}

/** An empty line would end it, and chains have some. */
export function payload(pem: string): string {
  const lines = pem.split(/\r?\n/).filter(line => line.trim() !== '')
  return `${lines.join('\n')}\n`
}

function fingerprintIn(text: string): string | undefined {
  return /^SHA1 FingerPrint: ([0-9A-F]+)$/m.exec(text)?.[1]?.toLowerCase()
}

/** What HAProxy tells certificates apart by; nothing is trusted because of it. */
function sha1(der: Uint8Array): string {
  return createHash('sha1').update(der).digest('hex')
}

async function ask(command: string, { path, runtime, signal }: HaproxySocket): Promise<string> {
  try {
    return await runtime.askSocket(path, command, { signal })
  } catch (cause) {
    if (!isAppError(cause) || cause.code === 'ERR_ABORTED') throw cause
    throw new AppError('ERR_DEPLOY', `HAProxy cannot be asked: ${messageOf(cause)}`, {
      hint: 'see whether it runs, and whether "stats socket ... level admin" of its configuration has this path',
      cause,
    })
  }
}

function refusal(said: string, { path }: HaproxySocket): AppError {
  const words = printable(said.trim().replaceAll('\n', ' ').slice(-maxComplaint))
  return new AppError('ERR_DEPLOY', `HAProxy at ${printable(path)} says: ${words}`, {
    hint: 'the socket needs "level admin"; see "show ssl cert" there',
  })
}
