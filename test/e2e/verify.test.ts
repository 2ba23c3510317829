/** What endpoints serve, asked from the command line: the real nginx, the real Dovecot, and servers that fail. */
import assert from 'node:assert/strict'
import { readdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { startDovecot } from '../servers/dovecot.ts'
import { runCli, startCli } from '../support/cli.ts'
import { eximProgram, startExim } from '../support/exim.ts'
import { findProgram, runProgram, skipWithout } from '../support/programs.ts'
import { scriptedServer } from '../support/start-tls-server.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'
import { startWorld, type World } from '../support/world.ts'

type Looked = {
  readonly ok: boolean
  readonly certificates: readonly { readonly name: string; readonly endpoints: readonly Look[] }[]
  readonly endpoints: readonly { readonly endpoint: string; readonly looks: readonly Look[] }[]
}
type Look = {
  readonly host: string
  readonly port: number
  readonly stored?: string
  readonly ok: boolean
  readonly key?: string
  readonly chain?: { readonly state: string }
  readonly problems: readonly { readonly kind: string; readonly level: string; readonly text: string }[]
}

const skip = skipWithout('pebble', 'nginx', 'dovecot')

test('a web server and a mail server are looked at, and the one that was not reloaded is found', {
  skip,
  timeout: 120_000,
}, async () => {
  await using world = await startWorld()
  await using scratch = await tempDirectory()
  await world.writeTlsSite('shop.example', ['shop.example'])
  assert.equal((await world.run('issue', 'shop.example')).exitCode, 0)
  const roots = join(scratch.path, 'roots.pem')
  await writeFile(roots, (await world.pebble.rootsPem()).join(''))
  const live = join(world.state, 'live', 'shop.example')
  await using dovecot = await startDovecot({
    directory: scratch.path,
    certificateFile: join(live, 'fullchain.pem'),
    keyFile: join(live, 'privkey.pem'),
    combinedFile: join(live, 'combined.pem'),
    names: ['shop.example', 'shop.example'],
  })
  const imap = `imap://shop.example:${dovecot.places.find(({ startTls }) => startTls === 'imap')?.port}`
  const https = `https://shop.example:${world.httpsPort}`

  const good = await world.run('verify', imap, https, '--roots', roots)
  assert.equal(good.exitCode, 0, `${good.stdout}${good.stderr}`)
  assert.match(
    good.stdout,
    /^shop\.example +shop\.example at imap:\/\/127\.0\.0\.1:\d+ +ok +shop\.example, ecdsa-p256, until \S+ \(in \d+ d\), TLSv1\.3, \d certificates, complete$/m,
  )
  assert.match(good.stdout, /^shop\.example +shop\.example at 127\.0\.0\.1:\d+ +ok /m)

  const untrusted = await verified(world, imap)
  assert.equal(untrusted.exitCode, 1)
  assert.deepEqual(
    untrusted.value.endpoints.flatMap(({ looks }) =>
      looks.map(({ chain, stored }) => [chain?.state, stored]),
    ),
    [['incomplete', 'shop.example']],
  )

  const own = await verified(world, 'shop.example')
  assert.equal(own.exitCode, 0)
  assert.equal(
    own.value.certificates[0]?.endpoints[0]?.chain?.state,
    'complete',
    'whoever trusts the root or not',
  )

  await using watching = await startCli(['verify', imap, '--roots', roots, '--watch', '1s', ...world.flags])
  await watching.waitForOutput(/ ok /)
  // Dovecot is no target here, so nobody reloads it.
  assert.equal((await world.run('renew', '--force', 'shop.example')).exitCode, 0)
  await watching.waitForOutput(
    /shop\.example at imap:\S+: ok -> WRONG: it shows an earlier certificate of shop\.example/,
  )
  const stale = await verified(world, imap, https, '--roots', roots)
  assert.equal(stale.exitCode, 1)
  assert.deepEqual(
    stale.value.endpoints.flatMap(({ looks }) =>
      looks.map(({ ok, problems }) => [ok, problems.map(({ kind }) => kind)]),
    ),
    [
      [false, ['other-certificate']],
      [true, []],
    ],
  )
  const wanted = await verified(world, imap, '--roots', roots, '--certificate', 'shop.example')
  assert.match(
    wanted.value.endpoints[0]?.looks[0]?.problems[0]?.text ?? '',
    /^it shows certificate \w{12}, and shop\.example is \w{12}$/,
  )

  const config = String(dovecot.options['config'])
  const reloaded = await runProgram(findProgram('doveadm') ?? '', ['-c', config, 'reload'])
  assert.equal(reloaded.exitCode, 0, reloaded.stderr)
  await watching.waitForOutput(/: WRONG -> ok, certificate \w{12}/)
  const lines = watching.output().trimEnd().split('\n').length
  assert.equal(lines, 4, `the table, and two changes:\n${watching.output()}`)
  watching.signal('SIGINT')
  assert.equal(await watching.ended, 0, 'as the last look was')

  await writeFile(join(scratch.path, 'broken.pem'), 'nothing')
  const missing = await verified(world, imap, '--roots', join(scratch.path, 'broken.pem'))
  assert.match(missing.value.endpoints[0]?.looks[0]?.problems[0]?.text ?? '', /cannot read the roots/)
})

test('without a configuration and a store anything can be looked at, and what fails is said', {
  timeout: 60_000,
}, async () => {
  await using scratch = await tempDirectory()
  await using refusing = await scriptedServer(
    [
      { say: '220 mail\r\n' },
      { after: /EHLO/, say: '250-mail\r\n250 STARTTLS\r\n' },
      { after: /STARTTLS/, say: '454 4.7.0 TLS not available due to local problem\r\n' },
    ],
    'wait',
  )
  const flags = ['--state', join(scratch.path, 'state')]
  const run = async (...args: readonly string[]) => {
    await using program = await startCli(['verify', ...args, ...flags], { env: { HOME: scratch.path } })
    const exitCode = await program.ended
    return { exitCode, output: program.output() }
  }
  const smtp = await run(`smtp://127.0.0.1:${refusing.port}`)
  assert.equal(smtp.exitCode, 1)
  assert.match(smtp.output, /- +smtp:\/\/127\.0\.0\.1:\d+ +DOWN/)
  assert.match(
    smtp.output,
    /refuses to begin with TLS; it said "454 4\.7\.0 TLS not available due to local problem"\n {2}hint: see the log of the server/,
  )

  await using stopped = await startCli([
    'verify',
    `smtp://127.0.0.1:${refusing.port}`,
    '--watch',
    '--json',
    ...flags,
  ])
  await stopped.waitForOutput(/"down"/)
  stopped.signal('SIGINT')
  assert.equal(await stopped.ended, 1, 'as the last look was')
  assert.equal(stopped.output().trimEnd().split('\n').length, 1, 'one document in one line')
  const { at, ok } = JSON.parse(stopped.output()) as { readonly at: string; readonly ok: boolean }
  assert.deepEqual([typeof at, ok], ['string', false])

  for (const [args, message] of [
    [['smpt://a.example'], /smpt:\/\/a\.example is no endpoint\nhint: did you mean smtp:\/\/\?/],
    [['gopher://a.example'], /gopher:\/\/a\.example is no endpoint\nhint: write HOST:PORT/],
    [['a.example'], /a\.example/],
    [['--watch', 'a.example:1'], /without one, --watch stands last/],
  ] as const) {
    const { exitCode, output } = await run(...args)
    assert.notEqual(exitCode, 0)
    assert.match(output, message)
  }
})

test('endpoints of other people are looked at by apply: a warning, a line in status, metrics, and told once', {
  skip: skipWithout('pebble', 'nginx'),
  timeout: 120_000,
}, async () => {
  await using world = await startWorld()
  await using scratch = await tempDirectory()
  const told = join(scratch.path, 'told')
  const metrics = join(scratch.path, 'certwright.prom')
  const roots = join(scratch.path, 'roots.pem')
  await writeFile(roots, (await world.pebble.rootsPem()).join(''))
  await world.writeTlsSite('shop.example', ['shop.example'])
  const own = await readFile(world.configFile, 'utf8')
  const tell = JSON.stringify(['/bin/sh', '-c', `tr -d '\\n' >> ${told}; echo >> ${told}`])
  const shop = `shop.example:${world.httpsPort}`
  const configure = (...endpoints: readonly string[]) =>
    writeFile(
      world.configFile,
      `${own}notify: [{ exec: { command: ${tell} } }]
daemon: { metrics-file: ${metrics} }
certificates: { shop.example: }
endpoints: [${endpoints.join(', ')}]
`,
    )
  const notifications = async () =>
    (await readFile(told, 'utf8').catch(() => ''))
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as { kind: string; items: { endpoint?: string; text: string }[] })
      .map(({ kind, items }) => [kind, ...items.map(({ endpoint }) => endpoint)])

  await configure(`{ endpoint: "${shop}", certificate: shop.example }`, '"imap://127.0.0.1:1"')
  const first = await world.run('apply')
  assert.equal(first.exitCode, 0, first.stderr)
  assert.match(first.stderr, /imap:\/\/127\.0\.0\.1:1: cannot connect to .*nothing listens there/)
  assert.deepEqual(await notifications(), [
    ['endpoint', 'imap://127.0.0.1:1'],
    ['renewed', undefined],
  ])

  const status = await world.run('status')
  assert.match(status.stdout, /^shop\.example at 127\.0\.0\.1:\d+ +ok +20/m)
  assert.match(status.stdout, /^imap:\/\/127\.0\.0\.1:1 +DOWN +-/m)
  assert.match(status.stdout, /nothing listens there\n {2}hint: see that the server runs/)
  const text = await readFile(metrics, 'utf8')
  assert.match(
    text,
    /^certwright_monitored_endpoint_up\{endpoint="imap:\/\/127\.0\.0\.1:1",address="[^"]+"\} 0$/m,
  )
  assert.match(
    text,
    /^certwright_monitored_endpoint_good\{endpoint="shop\.example:\d+",address="[^"]+"\} 1$/m,
  )

  assert.equal((await world.run('apply')).exitCode, 0)
  assert.equal((await notifications()).length, 2, 'the same is not told again')
  assert.equal((await world.run('verify')).exitCode, 1, 'who asks is told')

  await configure(`{ endpoint: "${shop}", roots: ${roots} }`)
  assert.equal((await world.run('apply')).exitCode, 0)
  assert.deepEqual((await notifications()).at(-1), ['recovered', 'imap://127.0.0.1:1'])
  assert.equal((await world.run('verify')).exitCode, 0)
  assert.doesNotMatch((await world.run('status')).stdout, /imap/)
})

test('a mail server that speaks SMTP first is looked at, and its self-signed certificate is no secret', {
  skip: skipWithout(eximProgram),
  timeout: 60_000,
}, async () => {
  await using exim = await startExim()
  await using scratch = await tempDirectory()
  const flags = ['--state', join(scratch.path, 'state'), '--json']
  const run = async (...args: readonly string[]) => {
    const { exitCode, stdout } = await runCli(['verify', ...args, ...flags], { env: { HOME: scratch.path } })
    return { exitCode, looks: (JSON.parse(stdout) as Looked).endpoints.flatMap(({ looks }) => looks) }
  }
  const untrusted = await run(`smtp://127.0.0.1:${exim.port}`, `127.0.0.1:${exim.tlsPort}`)
  assert.equal(untrusted.exitCode, 1)
  assert.deepEqual(
    untrusted.looks.map(({ chain }) => chain?.state),
    ['untrusted', 'untrusted'],
  )
  const trusted = await run(`smtp://127.0.0.1:${exim.port}`, '--roots', exim.trustFile, '--warn-before', '1s')
  assert.deepEqual([trusted.exitCode, trusted.looks[0]?.problems], [0, []])
  const tooSoon = await run(
    `smtp://127.0.0.1:${exim.port}`,
    '--roots',
    exim.trustFile,
    '--warn-before',
    '9999d',
  )
  assert.deepEqual([tooSoon.exitCode, tooSoon.looks[0]?.problems.map(({ kind }) => kind)], [1, ['ends-soon']])
  const mistaken = await run(`smtp://127.0.0.1:${exim.tlsPort}`)
  assert.match(mistaken.looks[0]?.problems[0]?.text ?? '', /did not greet within 12 s/)
})

test('a web server that goes back to an earlier certificate is put right by the daemon', {
  skip: skipWithout('pebble', 'nginx'),
  timeout: 180_000,
}, async () => {
  await using world = await startWorld()
  await world.writeTlsSite('shop.example', ['shop.example'])
  assert.equal((await world.run('issue', 'shop.example')).exitCode, 0)
  assert.equal((await world.run('renew', '--force', 'shop.example')).exitCode, 0)
  const shows = async () => (await world.served('shop.example')).fingerprint256
  const current = await shows()
  const live = join(world.state, 'live', 'shop.example')
  const target = await readlink(live)
  const [earlier = ''] = (await readdir(join(world.state, 'certificates', 'shop.example'))).sort()
  const point = async (to: string) => {
    await symlink(to, `${live}.new`)
    await rename(`${live}.new`, live)
  }
  await using daemon = await startCli(['run', ...world.flags, '--verbose'])
  await daemon.waitForOutput(/looked/)
  await point(join(dirname(target), earlier))
  await world.nginx.reload()
  await point(target)
  await until('nginx to show the earlier one', async () => ((await shows()) === current ? undefined : true))
  await daemon.waitForOutput(/endpoint-stale/, { timeoutMs: 100_000 })
  await daemon.waitForOutput(/certificate-delivered/, { timeoutMs: 30_000 })
  assert.equal(await shows(), current)
})

async function verified(
  world: World,
  ...args: readonly string[]
): Promise<{ readonly exitCode: number | undefined; readonly value: Looked }> {
  const { exitCode, value } = await world.json('verify', ...args)
  return { exitCode, value: value as Looked }
}
