import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { instant } from '../../../base/instant.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import { nodeExec } from '../../../runtime/node/exec.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { testAuthority } from '../../../testing/test-authority.ts'
import { encodePem } from '../../../x509/pem.ts'
import { sshArguments } from './connection.ts'
import { quoteAll } from './quote.ts'
import { createSshDeployer } from './ssh.ts'

const { signal } = new AbortController()
const authority = await testAuthority(instant(Date.UTC(2030, 0, 1)))
const generation = async () => {
  const issued = await authority.issue([parseIdentifier('a.example')])
  const [cert, chain] = [issued.leafDer, issued.intermediateDer].map(der => encodePem('CERTIFICATE', der))
  return { cert: cert ?? '', chain: chain ?? '', key: issued.key }
}
const generations = { '/state/1': await generation(), '/state/2': await generation() } as const
const certificate: DeployableCertificate = {
  name: 'a.example',
  identifiers: [parseIdentifier('a.example')],
  liveDirectory: '/state/live/a.example',
  fingerprint: 'ab',
}
const localExec = nodeExec()

type Options = {
  /** Takes the place of the connection: what ssh ends with, before it runs anything. */
  readonly refuse?: (command: string) => { readonly exitCode: number; readonly stderr: string } | undefined
  /** What comes of the input on its way. */
  readonly onTheWay?: (input: Uint8Array) => Uint8Array
  /** Scripts that take the places of programs there. */
  readonly programs?: Readonly<Record<string, string>>
}

/** Another machine that is this one: what would be run there is run by a shell here. */
async function setUp(
  target: Partial<TargetOptions<'ssh'>> = {},
  { refuse, onTheWay, programs = {} }: Options = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'certwright-ssh-'))
  const bin = join(directory, 'bin')
  await mkdir(bin)
  for (const [name, script] of Object.entries(programs))
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const env = { PATH: `${bin}:/usr/bin:/bin`, DIRECTORY: directory }
  const { exec, runs } = recordedExec(async ([program, ...args], { input }) => {
    assert.equal(program, 'ssh')
    const command = args.at(-1) ?? ''
    const sent = input instanceof Uint8Array ? (onTheWay?.(input) ?? input) : ''
    return refuse?.(command) ?? (await localExec('/bin/sh', ['-c', command], { input: sent, env }))
  })
  const runtime = fakeRuntime({ exec })
  for (const [place, { cert, chain, key }] of Object.entries(generations)) {
    await runtime.files.put(`${place}/cert.pem`, cert)
    await runtime.files.put(`${place}/chain.pem`, chain)
    await runtime.files.put(`${place}/privkey.pem`, key)
  }
  const tls = join(directory, "the 'tls' $(id) \\ directory")
  await runtime.files.put('/k', '')
  const deployer = createSshDeployer({ host: 'mx.example', directory: tls, ...target }, runtime)
  return {
    ...{ directory, tls, deployer, runs },
    prepare: async (generationDirectory: keyof typeof generations) => {
      const prepared = await deployer.prepare?.(certificate, { directory: generationDirectory, signal })
      assert.ok(prepared !== undefined)
      return prepared
    },
    at: (name: string) => join(tls, name),
    text: (name: string) => readFile(join(tls, name), 'utf8'),
    names: async () => (await readdir(tls)).sort(),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

const usual = ['cert.pem', 'chain.pem', 'combined.pem', 'fullchain.pem', 'privkey.pem']
const { '/state/1': first, '/state/2': second } = generations

test('any words arrive as they are', () => {
  const words = fc.array(
    fc.string().map(word => word.replaceAll('\0', '')),
    { minLength: 1, maxLength: 5 },
  )
  fc.assert(
    fc.property(words, sent => {
      const output = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${quoteAll(sent)}`])
      assert.deepEqual(output.toString().split('\0').slice(0, -1), sent)
    }),
    { numRuns: 50 },
  )
})

test('ssh asks nobody, trusts no new host and takes nothing along', () => {
  const args = sshArguments({
    ...{ host: 'mx.example', user: 'tls', port: 2222 },
    ...{ 'identity-file': '/etc/50% key', 'known-hosts-file': '/etc/hosts of mine' },
  })
  for (const option of [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ForwardAgent=no',
    'IdentityAgent=none',
    'ClearAllForwardings=yes',
    'IdentitiesOnly=yes',
    'IdentityFile="/etc/50%% key"',
    'UserKnownHostsFile="/etc/hosts of mine"',
    'GlobalKnownHostsFile=none',
  ])
    assert.equal(args[args.indexOf(option) - 1], '-o', option)
  assert.deepEqual(args.slice(-6), ['-l', 'tls', '-p', '2222', '--', 'mx.example'])
})

test('files are written beside their places, named together, and no content is on a command line', async () => {
  await using here = await setUp()
  const prepared = await here.prepare('/state/1')
  assert.deepEqual([prepared.changes, prepared.replaces, prepared.copies], [true, false, []])
  assert.ok((await here.names()).every(name => name.startsWith('.certwright-new-')))
  await prepared.commit()
  await prepared.keep()
  assert.deepEqual(await here.names(), usual)
  assert.equal(await here.text('combined.pem'), first.key + first.cert + first.chain)
  const modes = await Promise.all(
    usual.map(async name => ((await stat(here.at(name))).mode & 0o7777).toString(8)),
  )
  assert.deepEqual(modes, ['644', '644', '600', '644', '600'])
  const commands = here.runs.flatMap(({ command }) => command)
  assert.ok(commands.every(text => !text.includes('BEGIN') && !text.includes(first.key.slice(30, 60))))
})

for (const order of ['as committed', 'the other way round'])
  test(`two targets for the same files: the second is refused, and what lay there comes back ${order}`, async () => {
    await using here = await setUp()
    const before = await here.prepare('/state/1')
    await before.commit()
    await before.keep()
    const [one, other] = [await here.prepare('/state/2'), await here.prepare('/state/2')]
    await one.commit()
    await assert.rejects(other.commit(), {
      code: 'ERR_DEPLOY',
      message: /another target writes the same file/,
    })
    for (const each of order === 'as committed' ? [one, other] : [other, one]) await each.undo()
    assert.deepEqual(await here.names(), usual)
    assert.deepEqual([await here.text('cert.pem'), await here.text('privkey.pem')], [first.cert, first.key])
  })

test('what lies there as wanted is not written again', async () => {
  await using here = await setUp()
  const prepared = await here.prepare('/state/1')
  await prepared.commit()
  await prepared.keep()
  const before = await stat(here.at('privkey.pem'))
  const again = await here.prepare('/state/1')
  assert.deepEqual([again.changes, again.replaces], [false, true])
  await again.commit()
  await again.keep()
  assert.equal((await stat(here.at('privkey.pem'))).ino, before.ino)
  await chmod(here.at('privkey.pem'), 0o640)
  assert.equal((await here.prepare('/state/1')).changes, true, 'another mode is another file')
})

test('the very files go back, with times and modes, and what was not there goes away', async () => {
  await using here = await setUp()
  await mkdir(here.tls)
  await writeFile(here.at('privkey.pem'), 'old key\n', { mode: 0o640 })
  const before = await stat(here.at('privkey.pem'))
  const prepared = await here.prepare('/state/1')
  assert.equal(prepared.replaces, true)
  await prepared.commit()
  assert.equal(await here.text('privkey.pem'), first.key)
  await prepared.undo()
  assert.deepEqual(await here.names(), ['privkey.pem'])
  const { ino, mode, mtimeMs } = await stat(here.at('privkey.pem'))
  assert.deepEqual([ino, mode, mtimeMs], [before.ino, before.mode, before.mtimeMs])
  assert.equal(await here.text('privkey.pem'), 'old key\n')
})

test('another shell does the same', { skip: existsSync('/bin/bash') ? false : 'no bash' }, async () => {
  await using here = await setUp({}, { programs: { sh: 'exec /bin/bash "$@"' } })
  await mkdir(here.tls)
  await writeFile(here.at('privkey.pem'), 'old key\n')
  const prepared = await here.prepare('/state/1')
  await prepared.commit()
  assert.equal(await here.text('privkey.pem'), first.key)
  await prepared.undo()
  assert.deepEqual(await here.names(), ['privkey.pem'])
  const again = await here.prepare('/state/1')
  await again.commit()
  await again.keep()
  assert.deepEqual(await here.names(), usual)
  assert.equal((await here.prepare('/state/1')).changes, false)
})

test('before anything has its name, nothing is left behind', async () => {
  await using here = await setUp()
  await mkdir(here.tls)
  await writeFile(here.at('cert.pem'), 'old\n')
  await (await here.prepare('/state/1')).undo()
  assert.deepEqual(await here.names(), ['cert.pem'])
  assert.equal(await here.text('cert.pem'), 'old\n')
})

test('a connection that breaks while files get their names: all go back', async () => {
  let broken = false
  const refuse = (command: string) => {
    const last = '; mv -f -- "$n" "$f"'
    if (broken || !command.includes(last)) return undefined
    broken = true
    execFileSync('/bin/sh', ['-c', `${command.slice(0, command.lastIndexOf(last))}'`])
    return { exitCode: 255, stderr: 'client_loop: send disconnect: Broken pipe' }
  }
  await using here = await setUp({}, { refuse })
  await mkdir(here.tls)
  for (const name of usual) await writeFile(here.at(name), `old ${name}`)
  const prepared = await here.prepare('/state/1')
  await assert.rejects(prepared.commit(), {
    code: 'ERR_DEPLOY',
    message: /cannot replace the files: client_loop/,
  })
  const texts = await Promise.all(usual.map(here.text))
  assert.equal(texts.filter(text => text.startsWith('old ')).length, 1, 'four of five have their names')
  await prepared.undo()
  assert.deepEqual(await here.names(), usual)
  assert.deepEqual(
    await Promise.all(usual.map(here.text)),
    usual.map(name => `old ${name}`),
  )
})

test('what a run that died had kept aside can still go back', async () => {
  await using here = await setUp()
  const one = await here.prepare('/state/1')
  await one.commit()
  await one.keep()
  const dead = await here.prepare('/state/2')
  await dead.commit() // and then the machine lost its power
  const next = await here.prepare('/state/2')
  assert.deepEqual([next.changes, next.replaces], [true, true])
  await next.commit()
  await next.undo()
  assert.equal(await here.text('privkey.pem'), first.key)
  assert.deepEqual(await here.names(), usual)
  const then = await here.prepare('/state/2')
  await then.commit()
  await then.keep()
  assert.equal(await here.text('privkey.pem'), second.key)
  assert.deepEqual(await here.names(), usual)
})

test('a file that did not arrive whole is not kept', async () => {
  await using here = await setUp({}, { onTheWay: input => input.subarray(0, 10) })
  await assert.rejects(here.prepare('/state/1'), {
    code: 'ERR_DEPLOY',
    message: /^mx\.example: cannot write .*cert\.pem: it did not arrive whole$/,
  })
  assert.deepEqual(await here.names(), [])
})

test('until it has its mode, a new file is for its owner alone', async () => {
  const chmodding = 'stat -c %a "$2" >> "$DIRECTORY/modes"; exec /bin/chmod "$@"'
  await using here = await setUp({}, { programs: { chmod: chmodding } })
  await here.prepare('/state/1')
  assert.equal(await readFile(join(here.directory, 'modes'), 'utf8'), '600\n'.repeat(usual.length))
})

test('what somebody puts in the place of a new file is not written through', async () => {
  const planting =
    '/bin/rm "$@"; if [ ! -e "$DIRECTORY/planted" ]; then ln -s "$DIRECTORY/victim" "$3"; fi; : > "$DIRECTORY/planted"'
  await using here = await setUp({}, { programs: { rm: planting } })
  const victim = join(here.directory, 'victim')
  await writeFile(victim, 'untouched')
  await assert.rejects(here.prepare('/state/1'), { code: 'ERR_DEPLOY', message: /cannot write .*cert\.pem/ })
  assert.equal(await readFile(victim, 'utf8'), 'untouched')
})

for (const [what, make] of [
  ['a symbolic link', (path: string) => symlink('/etc/passwd', path)],
  ['no file', (path: string) => mkdir(path)],
] as const) {
  test(`where ${what} lies, nothing is written`, async () => {
    await using here = await setUp()
    await mkdir(here.tls)
    await make(here.at('privkey.pem'))
    await assert.rejects(here.prepare('/state/1'), { message: new RegExp(`privkey\\.pem: it is ${what}`) })
    assert.deepEqual(await here.names(), ['privkey.pem'])
    assert.ok(!(await lstat(here.at('privkey.pem'))).isFile())
  })
}

test('an owner that is not there is told', async () => {
  await using here = await setUp({ owner: 'nobody-of-that-name' })
  await assert.rejects(here.prepare('/state/1'), {
    message: /cannot write .*: .*its owner cannot be set/s,
    hint: 'log in as mx.example and see whether that user may do it',
  })
  assert.deepEqual(await here.names(), [])
})

test('a program is run there with its words', async () => {
  await using here = await setUp({ reload: ['/bin/sh', '-c', 'echo "$0" >&2; exit 4', "it's $HOME"] })
  await assert.rejects(here.deployer.activate({ signal }), {
    code: 'ERR_DEPLOY',
    message: /^mx\.example: cannot run "\/bin\/sh -c .*": it's \$HOME$/,
  })
})

test('a greeting of the login shell does no harm, and another answer is found out', async () => {
  for (const [said, message] of [
    ['Welcome to mx!\nabsent\n', undefined],
    ['Welcome to mx!\n', 'mx: cannot write the files: it answered something else'],
  ] as const) {
    const { exec } = recordedExec(() => said)
    const runtime = fakeRuntime({ exec })
    for (const name of ['cert.pem', 'chain.pem', 'privkey.pem'])
      await runtime.files.put(`/state/1/${name}`, 'x')
    const write = [{ path: '/c', format: 'cert' as const }]
    const deployer = createSshDeployer({ host: 'mx', write }, runtime)
    const prepared = async () => deployer.prepare?.(certificate, { directory: '/state/1', signal })
    if (message === undefined) assert.equal((await prepared())?.replaces, false)
    else await assert.rejects(prepared, { code: 'ERR_DEPLOY', message })
  }
})

const refusals: readonly (readonly [string, string, RegExp, 'not-running'?])[] = [
  [
    'No ED25519 host key is known for mx.\r\nHost key verification failed.\r\n',
    'its host key is not known here',
    /put it into \/k: ssh-keyscan mx\.example$/,
  ],
  [
    '@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n@@@@@\r\nHost key verification failed.\r\n',
    'its host key is another one than the one that is known',
    /somebody else may be answering for mx\.example; .* out of \/k$/,
  ],
  [
    'tls@mx: Permission denied (publickey).',
    'tls@mx: Permission denied (publickey).',
    /authorized_keys on mx/,
  ],
  [
    '@@@\r\nPermissions 0644 for \'/x\' are too open.\r\nLoad key "/x": bad permissions\r\ntls@mx: Permission denied.',
    'identity-file can be read by others, so ssh does not use it',
    /chmod 600/,
  ],
  [
    'Load key "/x": error in libcrypto\r\ntls@mx: Permission denied (publickey).',
    'Load key "/x": error in libcrypto tls@mx: Permission denied (publickey).',
    /must be a private key/,
  ],
  [
    'ssh: Could not resolve hostname mx.example: Name or service not known',
    'ssh: Could not resolve hostname mx.example: Name or service not known',
    /correct host/,
    'not-running',
  ],
  ['x: Connection refused', 'x: Connection refused', /see whether mx\.example is up/, 'not-running'],
  ['', 'the connection broke', /ssh mx\.example true/, 'not-running'],
]
for (const [stderr, says, hint, state = 'broken'] of refusals) {
  test(`ssh says ${JSON.stringify(stderr)}: ${state}, ${says}`, async () => {
    await using here = await setUp(
      { 'known-hosts-file': '/k' },
      { refuse: () => ({ exitCode: 255, stderr }) },
    )
    const inspection = await here.deployer.inspect(certificate, { signal })
    assert.ok(inspection.state === state)
    assert.equal(inspection.error.code, 'ERR_DEPLOY')
    assert.equal(inspection.error.message, `mx.example: cannot log in: ${says}`)
    assert.match(inspection.error.hint ?? '', hint)
  })
}

test('a key that is not there is told before anything else', async () => {
  await using here = await setUp({ 'identity-file': '/etc/certwright/mx.key' })
  const inspection = await here.deployer.inspect(certificate, { signal })
  assert.ok(inspection.state === 'broken')
  assert.equal(inspection.error.message, 'mx.example: identity-file /etc/certwright/mx.key is not there')
  assert.deepEqual(here.runs, [])
})
