/** Servers that talk in plain text before TLS, by a script. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { StartTls } from '../../src/runtime/network.ts'

/** One turn: what the client must have said, and what the server says then. */
export type Turn = {
  readonly after?: RegExp
  readonly say?: string | Buffer
  /** Each byte in a packet of its own. */
  readonly inBytes?: boolean
}

/** A server that holds one script with each client, then begins with TLS or hangs up. */
export type ScriptedServer = AsyncDisposable & {
  readonly port: number
  /** Everything clients said before TLS. */
  readonly heard: () => string
}

export type ScriptEnd =
  | { readonly key: string; readonly cert: string }
  /** Says nothing more and waits. */
  | 'wait'
  | 'hang-up'

/** Listens on a free port of 127.0.0.1; text is sent as latin1. */
export async function scriptedServer(script: readonly Turn[], end: ScriptEnd): Promise<ScriptedServer> {
  let everything = ''
  const sockets = new Set<Socket>()
  const hold = async (socket: Socket): Promise<void> => {
    const chunks = socket.iterator({ destroyOnReturn: false })
    let heard = ''
    for (const { after, say, inBytes = false } of script) {
      while (after?.test(heard) === false) {
        const { value, done } = await chunks.next()
        if (done === true || !Buffer.isBuffer(value)) return
        heard += value.toString('latin1')
        everything += value.toString('latin1')
      }
      const [found = ''] = after?.exec(heard) ?? []
      heard = heard.slice(heard.indexOf(found) + found.length)
      const bytes = typeof say === 'string' ? Buffer.from(say, 'latin1') : (say ?? Buffer.alloc(0))
      for (const part of inBytes ? bytes : [bytes]) {
        socket.write(typeof part === 'number' ? Uint8Array.of(part) : part)
        if (inBytes) await setImmediate()
      }
    }
    await chunks.return?.()
    if (heard !== '') socket.unshift(Buffer.from(heard, 'latin1')) // TLS has begun already
    if (end === 'hang-up') socket.end()
    else if (end !== 'wait')
      new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(end) }).on('error', () => {})
  }
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // clients break off when they have seen enough
    void hold(socket).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port, // a TCP server that listens
    heard: () => everything,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => {
        server.close(resolve)
      })
    },
  }
}

const mysqlGreeting = (capabilities: number): Buffer => {
  const body = Buffer.concat([
    Buffer.from('\n10.11.0-fake\0', 'latin1'),
    Buffer.alloc(4 + 8 + 1),
    Buffer.from([capabilities & 0xff, capabilities >> 8]),
    Buffer.alloc(31),
  ])
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body])
}

/** A MySQL server's first packet. */
export const mysqlGreetings = { withTls: mysqlGreeting(0xffff), withoutTls: mysqlGreeting(0xf7ff) }

const stream = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='a.test' id='1' version='1.0'>`
const mechanisms = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>`
const xmppTls = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>`

/** What a good server of each protocol says. */
export const goodScripts: Readonly<Record<StartTls, readonly Turn[]>> = {
  smtp: [
    { say: '220-mail.a.test\r\n220 ESMTP\r\n' },
    {
      after: /^EHLO \[127\.0\.0\.1\]\r\n$/,
      say: '250-mail.a.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n',
    },
    { after: /^STARTTLS\r\n$/, say: '220 2.0.0 Ready\r\n' },
  ],
  lmtp: [
    { say: '220 mail.a.test\r\n' },
    { after: /^LHLO \[127\.0\.0\.1\]\r\n$/, say: '250-mail.a.test\r\n250 STARTTLS\r\n' },
    { after: /^STARTTLS\r\n$/, say: '220 2.0.0 Ready\r\n' },
  ],
  imap: [
    { say: '* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n' },
    { after: /^a1 STARTTLS\r\n$/, say: '* CAPABILITY IMAP4rev1\r\na1 OK Begin\r\n' },
  ],
  pop3: [{ say: '+OK ready <1@a.test>\r\n' }, { after: /^STLS\r\n$/, say: '+OK Begin\r\n' }],
  sieve: [
    { say: '"IMPLEMENTATION" "fake"\r\n"SASL" ""\r\n"STARTTLS"\r\nOK "ready"\r\n' },
    { after: /^STARTTLS\r\n$/, say: 'OK "Begin"\r\n' },
  ],
  ftp: [
    { say: '220-Welcome\r\n 221 is not the end\r\n220 ready\r\n' },
    { after: /^AUTH TLS\r\n$/, say: '234 Begin\r\n' },
  ],
  ldap: [
    {
      after: /1\.3\.6\.1\.4\.1\.1466\.20037$/,
      say: Buffer.from([0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]),
    },
  ],
  xmpp: [
    {
      after: /<stream:stream to='a\.test' [^>]*>$/,
      say: `${stream}<stream:features>${xmppTls}${mechanisms}</stream:features>\n`,
    },
    { after: /^<starttls [^>]*\/>$/, say: `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>` },
  ],
  postgres: [{ after: /^[^]{7}\/$/, say: 'S' }],
  mysql: [{ say: mysqlGreetings.withTls }, { after: /^ [^]{3}[^]{32}/ }],
}
