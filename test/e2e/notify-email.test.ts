import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { notificationKinds } from '../../src/contracts/notifier.ts'
import type { Json } from '../../src/contracts/solver.ts'
import { createNotifier } from '../../src/plugins/registry.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { sampleNotification } from '../../src/testing/notifications.ts'
import { runCli } from '../support/cli.ts'
import { type Exim, eximProgram, startExim } from '../support/exim.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout(eximProgram, 'openssl')
const { signal } = new AbortController()

async function mailer(exim: Exim, options: Readonly<Record<string, Json>>) {
  const runtime = {
    ...nodeRuntime(),
    hostName: () => 'web1.test',
    environment: () => exim.login.password,
  }
  const all = {
    to: ['admin@example.com'],
    via: `smtp://127.0.0.1:${exim.port}`,
    trust: exim.trustFile,
    user: exim.login.user,
    password: { env: 'PASSWORD' },
    ...options,
  }
  return await createNotifier({ name: 'email', options: all }, runtime)
}

test('mail by a real server', { skip }, async t => {
  await using exim = await startExim()

  await t.test('arrives by STARTTLS and a login, every kind of it', async () => {
    const notifier = await mailer(exim, {})
    for (const kind of notificationKinds) {
      const notification = sampleNotification(kind, { id: `by-starttls-${kind}` })
      await notifier.send(notification, { signal })
      const mail = await exim.mailWith(`Message-ID: <by-starttls-${kind}@web1.test>`)
      assert.match(mail, /with esmtpsa/) // encrypted and authenticated, as Exim saw it
      assert.match(mail, new RegExp(`^Subject: certwright on web1\\.test: ${kind}$`, 'm'))
      assert.match(mail, /^Auto-Submitted: auto-generated$/m)
      assert.match(mail, /^a\.example: /m)
    }
  })

  await t.test('arrives by TLS from the first byte', async () => {
    const notifier = await mailer(exim, { via: `smtps://127.0.0.1:${exim.tlsPort}` })
    await notifier.send(sampleNotification('failed', { id: 'by-tls' }), { signal })
    assert.match(await exim.mailWith('<by-tls@web1.test>'), /with esmtpsa/)
  })

  const refusals = [
    { name: 'a wrong user', options: { user: 'other' }, message: /refuses user and password: .*535/ },
    {
      name: 'a server that nobody we trust vouches for',
      options: { trust: '/etc/ssl/certs/ca-certificates.crt' },
      message: /cannot be used: .*self.signed/,
    },
    {
      name: 'an address that is not taken',
      options: { to: 'a@elsewhere.example' },
      message: /550 not for us/,
    },
  ]
  for (const { name, options, message } of refusals) {
    await t.test(`${name} is said in the server's words`, async () => {
      const notifier = await mailer(exim, options)
      await assert.rejects(notifier.send(sampleNotification('failed'), { signal }), {
        code: 'ERR_NOTIFY',
        message,
      })
    })
  }

  await t.test('arrives from the command line, with the password in a file', async () => {
    await using directory = await tempDirectory()
    const { path } = directory
    const passwordFile = join(path, 'password')
    await writeFile(passwordFile, `${exim.login.password}\n`)
    const email = {
      to: 'admin@example.com',
      via: `smtp://127.0.0.1:${exim.port}`,
      from: 'by-cli@example.com',
      trust: exim.trustFile,
      user: exim.login.user,
      password: { file: passwordFile },
    }
    await writeFile(join(path, 'certwright.yaml'), JSON.stringify({ notify: [{ email }] }))
    const args = ['notify', 'test', '--config', join(path, 'certwright.yaml'), '--state', path]
    const { exitCode, stdout, stderr } = await runCli(args)
    assert.deepEqual([exitCode, stdout, stderr], [0, 'email: ok\n', ''])
    const mail = await exim.mailWith('by-cli@example.com')
    assert.match(mail, /^Subject: certwright on .*: a test of notifications$/m)
    assert.match(mail, /nothing is wrong/)
  })

  await t.test('and the server has nothing to complain about', async () => {
    const complaints = (await exim.log())
      .split('\n')
      .filter(line => /syntax|protocol|unexpected|dropped/.test(line))
    assert.deepEqual(complaints, [])
  })
})
