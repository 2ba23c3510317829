import assert from 'node:assert/strict'
import { once } from 'node:events'
import { before, describe, it } from 'node:test'
import {
  goodScripts,
  mysqlGreetings,
  type ScriptEnd,
  scriptedServer,
  type Turn,
} from '../../../../test/support/start-tls-server.ts'
import { instant } from '../../../base/instant.ts'
import { type TestServerCertificate, testAuthority } from '../../../testing/test-authority.ts'
import { type StartTls, startTlsProtocols } from '../../network.ts'
import { nodeProbeTls } from '../probe-tls.ts'

const probeTls = nodeProbeTls()
const host = '127.0.0.1'
const look = (port: number, startTls: StartTls, timeoutMs?: number) =>
  probeTls({ host, port, serverName: 'a.test', startTls }, timeoutMs === undefined ? {} : { timeoutMs })

describe('looking at endpoints that talk before TLS', () => {
  let certificate: TestServerCertificate
  before(async () => {
    const authority = await testAuthority(instant(Date.now()))
    certificate = await authority.issue([{ type: 'dns', value: 'a.test' }])
  })

  for (const protocol of startTlsProtocols) {
    it(`${protocol}: sees the certificate behind the dialogue`, async () => {
      await using server = await scriptedServer(goodScripts[protocol], certificate)
      const { leaf, chain } = await look(server.port, protocol)
      assert.deepEqual(leaf, certificate.leafDer)
      assert.equal(chain.length, 2)
    })

    it(`${protocol}: understands a server that sends single bytes`, async () => {
      const script = goodScripts[protocol].map(turn => ({ ...turn, inBytes: true }))
      await using server = await scriptedServer(script, certificate)
      assert.deepEqual((await look(server.port, protocol)).leaf, certificate.leafDer)
    })

    it(`${protocol}: refuses plain text that was put in behind the go-ahead`, async () => {
      const last = goodScripts[protocol].findLastIndex(({ say }) => say !== undefined)
      const script = goodScripts[protocol].map((turn, index) =>
        index === last
          ? { ...turn, say: Buffer.concat([bytesOf(turn.say), Buffer.from('250 evil\r\n')]) }
          : turn,
      )
      await using server = await scriptedServer(script, certificate)
      await assert.rejects(look(server.port, protocol), {
        code: 'ERR_STARTTLS',
        message: `${protocol}://127.0.0.1:${server.port} (a.test) said more in plain text than belongs there, before TLS began: "250 evil"`,
        hint: /between here and the server/,
      })
    })

    it(`${protocol}: gives up on a server that never comes to an end`, async () => {
      const first = goodScripts[protocol].slice(0, 1)
      for (const filler of ['250-and\r\n* more\r\n', ' ']) {
        const script: readonly Turn[] = [
          ...first.map(({ after }) => ({ ...(after && { after }) })),
          { say: filler.repeat(20_000) },
        ]
        await using server = await scriptedServer(script, 'wait')
        await assert.rejects(look(server.port, protocol), { code: 'ERR_STARTTLS' })
      }
    })

    it(`${protocol}: says what a silent server did not do`, async () => {
      await using server = await scriptedServer([], 'wait')
      await assert.rejects(look(server.port, protocol, 100), {
        code: 'ERR_TIMEOUT',
        message: new RegExp(
          `^${protocol}://127\\.0\\.0\\.1:\\d+ \\(a\\.test\\) did not [^"]+ within 0\\.1 s$`,
        ),
      })
    })

    it(`${protocol}: says that a server hung up`, async () => {
      await using server = await scriptedServer([], 'hang-up')
      await assert.rejects(look(server.port, protocol), {
        code: 'ERR_NETWORK',
        message: /broke off the connection and did not /,
      })
    })

    it(`${protocol}: knows a web server when it sees one`, async () => {
      const { after } = goodScripts[protocol][0] ?? {}
      const script = [{ ...(after && { after }), say: 'HTTP/1.1 400 Bad Request\r\nServer: a\r\n\r\n' }]
      await using server = await scriptedServer(script, 'wait')
      await assert.rejects(look(server.port, protocol), {
        code: 'ERR_STARTTLS',
        message:
          /does not speak (SMTP|LMTP|IMAP|POP3|ManageSieve|LDAP|XMPP|PostgreSQL|MySQL|FTP); it said "HTTP\/1\.1 400 Bad Request/,
        hint: /port is right/,
      })
    })
  }

  const [smtpGreeting, smtpHello] = goodScripts.smtp
  const refusing: readonly {
    readonly name: string
    readonly protocol: StartTls
    readonly script: readonly (Turn | undefined)[]
    readonly end?: ScriptEnd
    readonly message: RegExp
    readonly hint: RegExp
  }[] = [
    {
      name: 'a mail server that cannot load its key',
      protocol: 'smtp',
      script: [
        smtpGreeting,
        smtpHello,
        { after: /STARTTLS/, say: '454 4.7.0 TLS not available due to local problem\r\n' },
      ],
      message: /refuses to begin with TLS; it said "454 4\.7\.0 TLS not available due to local problem"$/,
      hint: /unable to load its certificate/,
    },
    {
      name: 'a mail server without TLS',
      protocol: 'smtp',
      script: [smtpGreeting, { after: /EHLO/, say: '250-a.test\r\n250-XSTARTTLS\r\n250 SIZE 1\r\n' }],
      message: /does not offer TLS; it said "250-a\.test 250-XSTARTTLS 250 SIZE 1"$/,
      hint: /switch TLS on/,
    },
    {
      name: 'a mail server that wants no mail from here',
      protocol: 'smtp',
      script: [{ say: '554-a.test\r\n554 no \u001b[31mservice\r\n' }],
      message: /is not ready to talk; it said "554-a\.test 554 no \\u\{1b\}\[31mservice"$/,
      hint: /log of the server/,
    },
    {
      name: 'a mailbox server that says goodbye',
      protocol: 'imap',
      script: [{ say: '* BYE too many connections\r\n' }],
      message: /is not ready to talk; it said "\* BYE too many connections"$/,
      hint: /log of the server/,
    },
    {
      name: 'a mailbox server without TLS',
      protocol: 'imap',
      script: [{ say: '* OK ready\r\n' }, { after: /STARTTLS/, say: 'a1 BAD unknown command\r\n' }],
      message: /refuses to begin with TLS; it said "a1 BAD unknown command"$/,
      hint: /log of the server/,
    },
    {
      name: 'a POP3 server without TLS',
      protocol: 'pop3',
      script: [{ say: '+OK ready\r\n' }, { after: /STLS/, say: '-ERR unknown command\r\n' }],
      message: /refuses to begin with TLS; it said "-ERR unknown command"$/,
      hint: /log of the server/,
    },
    {
      name: 'a sieve server without TLS',
      protocol: 'sieve',
      script: [{ say: '"IMPLEMENTATION" "fake"\r\nOK\r\n' }],
      message: /does not offer TLS; it said ""IMPLEMENTATION" "fake" OK"$/,
      hint: /switch TLS on/,
    },
    {
      name: 'a file server without TLS',
      protocol: 'ftp',
      script: [{ say: '220 ready\r\n' }, { after: /AUTH/, say: '530 Please login with USER and PASS.\r\n' }],
      message: /refuses to begin with TLS; it said "530 Please login with USER and PASS\."$/,
      hint: /log of the server/,
    },
    {
      name: 'a directory without TLS, with lengths as Active Directory writes them',
      protocol: 'ldap',
      script: [{ after: /20037/, say: ldapResponse(2, 'unsupported extended operation') }],
      message: /does not offer TLS; it said "result 2: unsupported extended operation"$/,
      hint: /switch TLS on/,
    },
    {
      name: 'a directory whose TLS is broken',
      protocol: 'ldap',
      script: [{ after: /20037/, say: ldapResponse(52, '') }],
      message: /refuses to begin with TLS; it said "result 52"$/,
      hint: /log of the server/,
    },
    {
      name: 'a database without TLS',
      protocol: 'postgres',
      script: [{ after: /\x2f/, say: 'N' }],
      message: /does not offer TLS; it said "N"$/,
      hint: /switch TLS on/,
    },
    {
      name: 'a database that answers with an error',
      protocol: 'postgres',
      script: [{ after: /\x2f/, say: 'E\0\0\0\x10SFATAL\0Mtoo many\0\0' }],
      message: /is not ready to talk; it said "SFATAL\\u\{0\}Mtoo many/,
      hint: /log of the server/,
    },
    {
      name: 'a MySQL server without TLS',
      protocol: 'mysql',
      script: [{ say: mysqlGreetings.withoutTls }],
      message: /does not offer TLS; it said "10\.11\.0-fake"$/,
      hint: /switch TLS on/,
    },
    {
      name: 'a MySQL server that blocks this machine',
      protocol: 'mysql',
      script: [{ say: '\x12\0\0\0\xff\x69\x04Host is blocked' }],
      message: /is not ready to talk; it said "Host is blocked"$/,
      hint: /log of the server/,
    },
    {
      name: 'a chat server without TLS',
      protocol: 'xmpp',
      script: [{ after: /to=/, say: '<stream:stream><stream:features><mechanisms/></stream:features>' }],
      message: /does not offer TLS; it said "<stream:stream><stream:features>/,
      hint: /switch TLS on/,
    },
    {
      name: 'a chat server that does not know the name',
      protocol: 'xmpp',
      script: [
        { after: /to=/, say: `<stream:stream><stream:error><host-unknown/></stream:error></stream:stream>` },
      ],
      message: /is not ready to talk; it said "<stream:error><host-unknown\/><\/stream:error>"$/,
      hint: /log of the server/,
    },
    {
      name: 'a chat server whose TLS is broken',
      protocol: 'xmpp',
      script: [
        goodScripts.xmpp[0],
        { after: /<starttls/, say: `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>` },
      ],
      message: /refuses to begin with TLS; it said "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'\/>"$/,
      hint: /log of the server/,
    },
    {
      name: 'a server that hangs up after the go-ahead',
      protocol: 'pop3',
      script: goodScripts.pop3,
      end: 'hang-up',
      message: /broke off the connection/,
      hint: /unable to load its certificate/,
    },
    {
      name: 'a mailbox server whose key does not fit, as Dovecot does',
      protocol: 'imap',
      script: [
        { say: '* OK ready\r\n' },
        { after: /STARTTLS/, say: 'a1 OK Begin TLS negotiation now.\r\n' },
        { after: /./, say: '* BYE [UNAVAILABLE] TLS initialization failed.\r\n' },
      ],
      message: /it does not speak TLS$/,
      hint: /unable to load its certificate/,
    },
  ]
  for (const { name, protocol, script, end = 'wait', message, hint } of refusing) {
    it(`says what ${name} says`, async () => {
      const turns = script.filter(turn => turn !== undefined)
      await using server = await scriptedServer(turns, end)
      await assert.rejects(look(server.port, protocol), { message, hint })
    })
  }

  it('has the unfinished reply in the message when time is up', async () => {
    await using server = await scriptedServer([{ say: '220-please wait\r\n' }], 'wait')
    await assert.rejects(look(server.port, 'smtp', 200), {
      code: 'ERR_TIMEOUT',
      message: /did not greet within 0\.2 s; it said "220-please wait"$/,
    })
  })

  it('believes no reply that came before it was asked for', async () => {
    const script = [{ say: '220 a\r\n250 STARTTLS\r\n220 go\r\n' }]
    await using server = await scriptedServer(script, certificate)
    await assert.rejects(look(server.port, 'smtp'), { code: 'ERR_STARTTLS', message: /more in plain text/ })
    assert.equal(server.heard(), '')
  })

  it('asks an XMPP server by the address where it has no name', async () => {
    await using server = await scriptedServer([{ after: /version/ }], 'hang-up')
    await assert.rejects(probeTls({ host, port: server.port, startTls: 'xmpp' }))
    assert.match(server.heard(), /<stream:stream to='127\.0\.0\.1' /)
  })

  it('can be cancelled in the middle of the dialogue', async () => {
    await using server = await scriptedServer([{ say: '220 a\r\n' }], 'wait')
    const controller = new AbortController()
    const looking = assert.rejects(
      probeTls({ host, port: server.port, startTls: 'smtp' }, { signal: controller.signal }),
      { code: 'ERR_ABORTED' },
    )
    await once(AbortSignal.timeout(50), 'abort')
    controller.abort()
    await looking
  })
})

function bytesOf(say: string | Buffer | undefined): Buffer {
  return typeof say === 'string' ? Buffer.from(say, 'latin1') : (say ?? Buffer.alloc(0))
}

/** Lengths are written in four bytes. */
function ldapResponse(code: number, text: string): Buffer {
  const long = (tag: number, content: Buffer) => {
    const header = Buffer.from([tag, 0x84, 0, 0, 0, content.length])
    return Buffer.concat([header, content])
  }
  const response = Buffer.concat([
    Buffer.from([0x0a, 0x01, code]),
    Buffer.from([0x04, 0x00]),
    long(0x04, Buffer.from(text)),
  ])
  return long(0x30, Buffer.concat([Buffer.from([0x02, 0x01, 0x01]), long(0x78, response)]))
}
