/** What servers say is anybody's: no bytes may throw, whole or cut off anywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { goodScripts, mysqlGreetings } from '../../../../test/support/start-tls-server.ts'
import { startTlsProtocols } from '../../network.ts'
import { sentCertificates } from '../sent-certificates.ts'
import { ldap, mysql, postgres } from './binary-dialogues.ts'
import { ftp, imap, lmtp, pop3, sieve, smtp } from './line-dialogues.ts'
import { xmpp } from './xmpp-dialogue.ts'

const dialogues = { smtp, lmtp, imap, pop3, sieve, ftp, ldap, postgres, mysql, xmpp }
const facts = { serverName: 'a.test', localAddress: '::1' }

/** Bytes that begin like something that a server says. */
const likely = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc
    .tuple(
      fc.constantFrom(
        '220',
        '250-',
        '* OK',
        'a1 ',
        '+OK',
        '"STARTTLS"\r\nOK',
        '<a>',
        '0\x84',
        '0\x0c\x02\x01\x01x',
      ),
      fc.uint8Array({ maxLength: 64 }),
    )
    .map(([start, rest]) => Uint8Array.from([...Buffer.from(start, 'latin1'), ...rest])),
  fc
    .tuple(fc.nat({ max: mysqlGreetings.withTls.length }), fc.uint8Array({ maxLength: 8 }))
    .map(([length, rest]) => Uint8Array.from([...mysqlGreetings.withTls.subarray(0, length), ...rest])),
)

for (const protocol of startTlsProtocols) {
  test(`${protocol}: whatever is said is understood, waited on, or refused`, () => {
    const steps = dialogues[protocol].steps(facts)
    fc.assert(
      fc.property(likely, fc.nat({ max: steps.length - 1 }), (bytes, index) => {
        const heard = steps[index]?.hear(Buffer.from(bytes))
        if (heard?.kind === 'complete') assert.ok(heard.length > 0 && heard.length <= bytes.length)
      }),
      { numRuns: 300 },
    )
  })

  test(`${protocol}: a good reply is waited for until it is whole`, () => {
    const replies = goodScripts[protocol].flatMap(({ say }) =>
      say === undefined ? [] : [typeof say === 'string' ? Buffer.from(say, 'latin1') : say],
    )
    for (const [index, reply] of replies.entries()) {
      const hear = dialogues[protocol].steps(facts)[index]?.hear
      assert.ok(hear)
      const whole = hear(reply)
      assert.deepEqual(whole, { kind: 'complete', length: reply.length })
      for (let length = 0; length < reply.length; length++) {
        const { kind } = hear(reply.subarray(0, length))
        // Blanks behind the features of XMPP may come or not.
        assert.ok(
          kind === 'incomplete' || reply.subarray(length).toString().trim() === '',
          `${length} bytes: ${kind}`,
        )
      }
    }
  })
}

test('an IPv6 client introduces itself as one', () => {
  assert.equal(smtp.steps(facts)[1]?.send, 'EHLO [IPv6:::1]\r\n')
})

test('whatever is overheard of a handshake is certificates or nothing', () => {
  const record = fc
    .tuple(fc.constantFrom(22, 23, 20, 1), fc.uint8Array({ maxLength: 80 }))
    .map(([type, body]) => Buffer.from([type, 3, 3, 0, body.length, ...body]))
  const certificate = fc
    .uint8Array({ maxLength: 60 })
    .map(body => Buffer.from([22, 3, 3, 0, body.length + 4, 11, 0, 0, body.length, ...body]))
  fc.assert(
    fc.property(
      fc.array(fc.oneof(record, certificate), { maxLength: 5 }),
      fc.option(fc.uint8Array({ minLength: 32, maxLength: 48 })),
      (records, secret) => {
        const suite = 'TLS_AES_128_GCM_SHA256'
        const serverSecret = secret === null ? undefined : Buffer.from(secret)
        const found = sentCertificates(Buffer.concat(records), { suite, serverSecret })
        assert.ok(found === undefined || Array.isArray(found))
      },
    ),
    { numRuns: 500 },
  )
})
