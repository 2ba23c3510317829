/** Getting a server to begin with TLS on a connection that is open. */
import type { Socket } from 'node:net'
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { StartTls } from '../../network.ts'
import { ldap, mysql, postgres } from './binary-dialogues.ts'
import type { Dialogue, Heard, Refusal, Step } from './dialogue.ts'
import { ftp, imap, lmtp, pop3, sieve, smtp } from './line-dialogues.ts'
import { xmpp } from './xmpp-dialogue.ts'

const dialogues: Readonly<Record<StartTls, Dialogue>> = {
  smtp,
  lmtp,
  imap,
  pop3,
  sieve,
  ldap,
  xmpp,
  postgres,
  mysql,
  ftp,
}

/** The longest reply to one step. Lists of capabilities stay below 2 KiB, banners of lawyers below 8. */
const maxReplyBytes = 16_384
/** What the server said, as far as it is shown. */
const maxSaidLength = 200

/** How far a connection has come, for the one who ends it. */
export type Progress = {
  /** What is waited for, to follow "did not". */
  awaited: string
  /** What the server has said in answer so far. */
  said: string
}

export type StartTlsOptions = {
  /** The server, as it is shown. */
  readonly shown: string
  readonly serverName: string
  readonly progress: Progress
}

/**
 * Holds the dialogue; the next byte in each direction belongs to TLS.
 * @throws AppError ERR_STARTTLS when the server does not go along, ERR_NETWORK when it hangs up, and what the socket throws
 */
export async function startTls(
  socket: Socket,
  protocol: StartTls,
  { shown, serverName, progress }: StartTlsOptions,
): Promise<void> {
  const { label, steps, last } = dialogues[protocol]
  const chunks: AsyncIterator<unknown> = socket.iterator({ destroyOnReturn: false })
  for (const step of steps({ serverName, localAddress: socket.localAddress ?? '127.0.0.1' })) {
    progress.awaited = step.awaited
    progress.said = ''
    if (step.send !== undefined) socket.write(step.send)
    await hearReply(chunks, step, { label, shown, progress })
  }
  await chunks.return?.()
  if (last !== undefined) socket.write(last)
}

type Hearing = { readonly label: string; readonly shown: string; readonly progress: Progress }

async function hearReply(
  chunks: AsyncIterator<unknown>,
  step: Step,
  { label, shown, progress }: Hearing,
): Promise<void> {
  let received = Buffer.alloc(0)
  let heard: Heard = { kind: 'incomplete' }
  while (heard.kind === 'incomplete') {
    const { value, done } = await chunks.next()
    if (done === true || !Buffer.isBuffer(value)) throw hungUp(shown, step, received)
    received = Buffer.concat([received, value])
    progress.said = showSaid(received)
    heard = step.hear(received)
    if (heard.kind === 'incomplete' && received.length > maxReplyBytes) throw endless(shown, step, received)
  }
  if (heard.kind === 'refused') throw refusalError(heard, { label, shown })
  if (received.length > heard.length) throw outOfTurn(shown, received.subarray(heard.length))
}

const logHint = 'see the log of the server: it may be unable to load its certificate or its key'
const portHint = 'see that the port is right, and that the protocol is'

const refusals: Readonly<
  Record<Refusal, { readonly text: (label: string) => string; readonly hint: string }>
> = {
  'other-protocol': { text: label => `does not speak ${label}`, hint: portHint },
  'not-ready': { text: () => 'is not ready to talk', hint: 'see the log of the server' },
  'not-offered': {
    text: () => 'does not offer TLS',
    hint: 'switch TLS on in the configuration of the server; some do not offer it when they cannot load the certificate or its key: see the log',
  },
  refused: { text: () => 'refuses to begin with TLS', hint: logHint },
}

function refusalError(
  { refusal, said }: Extract<Heard, { kind: 'refused' }>,
  { label, shown }: Pick<Hearing, 'label' | 'shown'>,
): AppError {
  const { text, hint } = refusals[refusal]
  return new AppError('ERR_STARTTLS', `${shown} ${text(label)}; it said ${showSaid(said)}`, { hint })
}

function outOfTurn(shown: string, extra: Buffer): AppError {
  const text = `${shown} said more in plain text than belongs there, before TLS began: ${showSaid(extra)}`
  const hint = `${logHint}; otherwise somebody between here and the server may have put this in`
  return new AppError('ERR_STARTTLS', text, { hint })
}

function endless(shown: string, { awaited }: Step, received: Buffer): AppError {
  const text = `${shown} did not ${awaited} in its first ${maxReplyBytes} bytes, which begin with ${showSaid(received)}`
  return new AppError('ERR_STARTTLS', text, { hint: portHint })
}

function hungUp(shown: string, { awaited }: Step, received: Buffer): AppError {
  const said = received.length === 0 ? '' : `; it had said ${showSaid(received)}`
  return new AppError('ERR_NETWORK', `${shown} broke off the connection and did not ${awaited}${said}`, {
    hint: 'see the log of the server, and that this machine may connect to it',
  })
}

/** In quotation marks; the ends of lines become blanks. */
function showSaid(said: string | Buffer): string {
  const text = said
    .toString()
    .trim()
    .replace(/\s*\r?\n\s*/g, ' ')
  return `"${printable(text, maxSaidLength)}"`
}
