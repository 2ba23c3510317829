/** A mail server of a script, for what a real one does not do when asked: it refuses, waits, repeats and breaks off. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls'

export type ReceivedMail = {
  readonly from: string
  readonly to: readonly string[]
  /** As it was sent, CRLF and all, without the dots of transparency. */
  readonly content: string
  readonly encrypted: boolean
  readonly user: string | undefined
}

export type SmtpScript = {
  /** PEM; with it STARTTLS is offered. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** TLS from the first byte. */
  readonly implicitTls?: boolean
  /** With it AUTH PLAIN is offered once the connection is encrypted, or at once without `tls`. */
  readonly login?: { readonly user: string; readonly password: string }
  /** Replies by the first word of a command (or `GREETING`, `CONTENT`) instead of good ones; `''` says nothing. */
  readonly replies?: Readonly<Record<string, string | ((line: string) => string | undefined)>>
}

export type SmtpServer = AsyncDisposable & {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  /** Every line that a client sent outside of mails. */
  readonly lines: readonly string[]
  /** Connections that are open now. */
  connections(): number
}

/** Starts it on a port of 127.0.0.1. */
export async function startSmtpServer(script: SmtpScript = {}): Promise<SmtpServer> {
  const mails: ReceivedMail[] = []
  const lines: string[] = []
  const sockets = new Set<Socket>()
  const serve = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    converse(socket, { script, mails, lines, encrypted: script.implicitTls === true })
  }
  const server = script.implicitTls === true ? createTlsServer({ ...script.tls }, serve) : createServer(serve)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    mails,
    lines,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

type Conversation = {
  readonly script: SmtpScript
  readonly mails: ReceivedMail[]
  readonly lines: string[]
  readonly encrypted: boolean
}

function converse(socket: Socket, conversation: Conversation): void {
  const { script, mails, lines, encrypted } = conversation
  let rest = ''
  let from = ''
  let to: string[] = []
  let content: string[] | undefined
  let user: string | undefined
  const say = (text: string): void => void (text !== '' && socket.write(`${text}\r\n`))
  const scripted = (word: string, line: string): string | undefined => {
    const reply = script.replies?.[word]
    return typeof reply === 'function' ? reply(line) : reply
  }
  const mayLogIn = script.login !== undefined && (encrypted || script.tls === undefined)

  const good: Readonly<Record<string, (line: string) => string>> = {
    EHLO: () => {
      const features = [
        'mail.test',
        ...(script.tls !== undefined && !encrypted ? ['STARTTLS'] : []),
        ...(mayLogIn ? ['AUTH PLAIN'] : []),
        '8BITMIME',
      ]
      return features
        .map((feature, index) => `250${index === features.length - 1 ? ' ' : '-'}${feature}`)
        .join('\r\n')
    },
    AUTH: line => {
      const [, name, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0')
      if (name !== script.login?.user || password !== script.login?.password) return '535 5.7.8 no'
      user = name
      return '235 2.7.0 welcome'
    },
    MAIL: line => {
      from = /<(.*?)>/.exec(line)?.[1] ?? ''
      to = []
      return '250 ok'
    },
    RCPT: line => {
      to.push(/<(.*?)>/.exec(line)?.[1] ?? '')
      return '250 ok'
    },
    DATA: () => {
      content = []
      return '354 go on'
    },
    QUIT: () => '221 bye',
  }

  const take = (line: string): void => {
    if (content !== undefined && line !== '.') {
      content.push(line.replace(/^\./, ''))
      return
    }
    if (content !== undefined) {
      const reply = scripted('CONTENT', line)
      if (reply === undefined) mails.push({ from, to, content: content.join('\r\n'), encrypted, user })
      content = undefined
      say(reply ?? '250 ok queued')
      return
    }
    lines.push(line)
    const word = line.split(' ')[0]?.toUpperCase() ?? ''
    const reply = scripted(word, line)
    if (reply === undefined && word === 'STARTTLS' && script.tls !== undefined) {
      socket.removeAllListeners('data')
      socket.write('220 go on\r\n')
      const secureContext = createSecureContext(script.tls)
      converse(new TLSSocket(socket, { isServer: true, secureContext }), { ...conversation, encrypted: true })
      return
    }
    say(reply ?? good[word]?.(line) ?? '502 5.5.2 what?')
    if (word === 'QUIT') socket.end()
  }

  socket.on('error', () => {}) // a client that refuses our certificate breaks off
  socket.on('data', (chunk: Buffer) => {
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 2)
      take(line)
    }
  })
  if (encrypted && script.implicitTls !== true) return // it greeted before
  say(scripted('GREETING', '') ?? '220 mail.test ESMTP')
}
