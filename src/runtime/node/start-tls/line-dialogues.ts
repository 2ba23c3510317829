/** Dialogues of the protocols that are spoken in lines. */
import { isIPv6 } from 'node:net'
import {
  complete,
  type Dialogue,
  type DialogueFacts,
  incomplete,
  type Refusal,
  refused,
  type Step,
} from './dialogue.ts'

/** SMTP, RFC 3207. */
export const smtp: Dialogue = mail('SMTP', 'EHLO')
/** LMTP, RFC 2033 and RFC 3207. */
export const lmtp: Dialogue = mail('LMTP', 'LHLO')

function mail(label: string, hello: 'EHLO' | 'LHLO'): Dialogue {
  return {
    label,
    steps: facts => [
      { awaited: 'greet', hear: replyOf('220') },
      {
        send: `${hello} ${addressLiteral(facts)}\r\n`,
        awaited: `answer ${hello}`,
        hear: offering(/^250[ -]STARTTLS[ \t]*\r?$/im, replyOf('250')),
      },
      { send: 'STARTTLS\r\n', awaited: 'answer STARTTLS', hear: replyOf('220', 'refused') },
    ],
  }
}

/** A client without a name of its own introduces itself by its address: RFC 5321 section 4.1.3. */
function addressLiteral({ localAddress }: DialogueFacts): string {
  return `[${isIPv6(localAddress) ? 'IPv6:' : ''}${localAddress}]`
}

/** FTP, RFC 4217. */
export const ftp: Dialogue = {
  label: 'FTP',
  steps: () => [
    { awaited: 'greet', hear: replyOf('220') },
    { send: 'AUTH TLS\r\n', awaited: 'answer AUTH TLS', hear: replyOf('234', 'refused') },
  ],
}

/** IMAP, RFC 9051 section 6.2.1. */
export const imap: Dialogue = {
  label: 'IMAP',
  steps: () => [
    { awaited: 'greet', hear: statusLine({ status: /^\* (\S+)/, good: 'OK', otherwise: 'not-ready' }) },
    {
      send: 'a1 STARTTLS\r\n',
      awaited: 'answer STARTTLS',
      hear: statusLine({ before: /^\*/, status: /^a1 (\S+)/, good: 'OK', otherwise: 'refused' }),
    },
  ],
}

/** POP3, RFC 2595 section 4. */
export const pop3: Dialogue = {
  label: 'POP3',
  steps: () => [
    { awaited: 'greet', hear: statusLine({ status: /^([+-]\S+)/, good: '+OK', otherwise: 'not-ready' }) },
    {
      send: 'STLS\r\n',
      awaited: 'answer STLS',
      hear: statusLine({ status: /^([+-]\S+)/, good: '+OK', otherwise: 'refused' }),
    },
  ],
}

const sieveStatus = { status: /^(OK|NO|BYE)\b/i, good: 'OK' }

/** ManageSieve, RFC 5804 section 2.2; the server lists what it can do before it says OK. */
export const sieve: Dialogue = {
  label: 'ManageSieve',
  steps: () => [
    {
      awaited: 'greet',
      hear: offering(/^"STARTTLS"/im, statusLine({ ...sieveStatus, before: /^"/, otherwise: 'not-ready' })),
    },
    {
      send: 'STARTTLS\r\n',
      awaited: 'answer STARTTLS',
      hear: statusLine({ ...sieveStatus, otherwise: 'refused' }),
    },
  ],
}

/** The reply that `hear` waits for, which has to have the offer in it. */
function offering(offer: RegExp, hear: Step['hear']): Step['hear'] {
  return received => {
    const heard = hear(received)
    if (heard.kind !== 'complete') return heard
    const reply = received.toString('latin1', 0, heard.length)
    return offer.test(reply) ? heard : refused('not-offered', reply)
  }
}

/** A reply of one or more lines that begin with a code: RFC 5321 section 4.2, RFC 959 section 4.2. */
function replyOf(code: string, otherwise: Refusal = 'not-ready'): Step['hear'] {
  return received => {
    let first: string | undefined
    for (const { text, end } of linesOf(received)) {
      first ??= /^\d{3}(?=[ -]|$)/.exec(text)?.[0]
      if (first === undefined) return refused('other-protocol', received)
      if (!text.startsWith(first) || text[first.length] === '-') continue
      return first === code ? complete(end) : refused(otherwise, received.subarray(0, end))
    }
    return incomplete
  }
}

type StatusLine = {
  /** How the line with the status begins; the status is in parentheses. */
  readonly status: RegExp
  readonly good: string
  readonly otherwise: Refusal
  /** What the lines before it look like; none come when absent. */
  readonly before?: RegExp
}

/** Lines up to the one with the status. */
function statusLine({ status, good, otherwise, before }: StatusLine): Step['hear'] {
  return received => {
    for (const { text, end } of linesOf(received)) {
      const [, found] = status.exec(text) ?? []
      if (found?.toUpperCase() === good) return complete(end)
      if (found !== undefined) return refused(otherwise, text)
      if (!before?.test(text)) return refused('other-protocol', text)
    }
    return incomplete
  }
}

type Line = { readonly text: string /** Behind the line's end, in bytes. */; readonly end: number }

/** The lines that have come to their end. */
function linesOf(received: Buffer): readonly Line[] {
  const lines: Line[] = []
  for (let start = 0; ; ) {
    const end = received.indexOf('\n', start)
    if (end < 0) return lines
    const text = received.toString('utf8', start, end).replace(/\r$/, '')
    start = end + 1
    lines.push({ text, end: start })
  }
}
