/**
 * Disks that are full, read-only, damaged or somebody else's: each failure says which file and what to do, the old
 * certificate stays as it was, and when the disk is good again the same run goes on.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmod,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  statfs,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  assertRefused,
  type Bench,
  kept,
  makeTemplate,
  type Refusal,
  startCaFor,
  type Template,
} from '../support/bench.ts'
import { freePort } from '../support/ports.ts'
import { findProgram, requireProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const timeout = 120_000
/** A user who is nobody on every system. */
const nobody = 65_534
const hasUsers = process.getuid !== undefined
/** Root may do what others may not, and may do it as somebody else. */
const isRoot = process.getuid?.() === 0
let template: Template
before(async () => {
  template = await makeTemplate()
})
after(() => template[Symbol.asyncDispose]())

type Row = Refusal & {
  readonly name: string
  readonly arrange: (bench: Bench) => Promise<unknown>
  /** By default a forced renewal. */
  readonly args?: (bench: Bench) => readonly string[] | Promise<readonly string[]>
  /** Whether root may do what others may not, so that somebody else has to try. */
  readonly asNobody?: boolean
}

const renew = ['renew', '--force', kept]
const fill = (path: string) => writeFile(path, 'not what was written here\n')
const replaceBy = async (path: string, put: (path: string) => Promise<unknown>) => {
  await rm(path, { recursive: true, force: true })
  await put(path)
}

const rows: readonly Row[] = [
  // The state directory.
  {
    name: 'the state directory is a file',
    exit: 1,
    arrange: async () => {},
    args: ({ configFile }) => [...renew, '--state', configFile],
    says: /certwright\.yaml\/\S+: ENOTDIR/,
    hint: /--state DIR/,
  },
  {
    name: 'the state directory is below a file',
    exit: 1,
    arrange: async () => {},
    args: ({ configFile }) => [...renew, '--state', join(configFile, 'x')],
    says: /ENOTDIR/,
    hint: /--state DIR/,
  },
  {
    name: 'the state directory may not be written',
    exit: 1,
    asNobody: true,
    arrange: ({ state }) =>
      rm(join(state, 'locks'), { recursive: true, force: true }).then(() => chmod(state, 0o500)),
    says: /cannot lock .*EACCES/,
    hint: /run as root, or choose a directory of your own/,
  },
  {
    name: 'the state directory may not be read',
    exit: 1,
    asNobody: true,
    arrange: ({ state }) => chmod(state, 0),
    says: /EACCES/,
    hint: /run as root, or choose a directory of your own/,
  },
  {
    name: 'a lock is a directory',
    exit: 1,
    arrange: ({ state }) =>
      replaceBy(join(state, 'locks', `certificate-${kept}.lock`), path => mkdir(path, { recursive: true })),
    says: /cannot lock .*certificate-kept\.example\.lock/,
    hint: /./,
  },
  {
    name: 'the runs are a file',
    exit: 1,
    arrange: ({ state }) => replaceBy(join(state, 'runs'), fill),
    says: /state\/runs\/kept\.example: ENOTDIR/,
    hint: /move it away/,
  },

  // The account.
  {
    name: 'the facts of the account are damaged',
    exit: 1,
    arrange: async bench => fill(await accountOf(bench, 'account.json')),
    says: /account\.json is damaged: it is not JSON/,
    hint: /restore it from a backup/,
  },
  {
    name: 'the facts of the account are empty',
    exit: 1,
    arrange: async bench => truncate(await accountOf(bench, 'account.json')),
    says: /account\.json is damaged/,
    hint: /restore it from a backup/,
  },
  {
    name: 'the key of the account is damaged',
    exit: 1,
    arrange: async bench => fill(await accountOf(bench, 'key.pem')),
    says: /key\.pem is damaged: it holds no account key/,
    hint: /restore it from a backup/,
  },
  {
    name: 'the key of the account is gone',
    exit: 1,
    arrange: async bench => rm(await accountOf(bench, 'key.pem')),
    says: /is damaged: the account is there, but its key is missing/,
    hint: /restore it from a backup/,
  },
  {
    name: 'the key of the account may not be read',
    exit: 1,
    asNobody: true,
    arrange: async bench => chmod(await accountOf(bench, 'key.pem'), 0),
    says: /cannot read .*key\.pem: EACCES/,
    hint: /run as root/,
  },

  // The webroot.
  {
    name: 'the webroot is missing',
    exit: 1,
    arrange: ({ webroot }) => rm(webroot, { recursive: true }),
    says: /the webroot \S+ cannot be used: it does not exist/,
    hint: /create it, or correct the webroot/,
  },
  {
    name: 'the webroot is a file',
    exit: 1,
    arrange: ({ webroot }) => replaceBy(webroot, fill),
    says: /the webroot \S+ cannot be used: it is not a directory/,
    hint: /serves as \//,
  },
  {
    name: 'the webroot may not be written',
    exit: 1,
    asNobody: true,
    arrange: ({ webroot }) => chmod(webroot, 0o555),
    says: /cannot be used: this user may not write or enter it/,
    hint: /run as its owner/,
  },
  {
    name: 'the webroot may not be entered',
    exit: 1,
    asNobody: true,
    arrange: ({ webroot }) => chmod(webroot, 0),
    says: /cannot be used: this user may not write or enter it/,
    hint: /run as its owner/,
  },
  {
    name: '.well-known is a link',
    exit: 1,
    arrange: ({ webroot }) => symlink('/etc', challengeDirectory(webroot)),
    says: /\.well-known cannot be used: it is a symbolic link/,
    hint: /replace it by a directory/,
  },
  {
    name: '.well-known is a file',
    exit: 1,
    arrange: ({ webroot }) => fill(challengeDirectory(webroot)),
    says: /\.well-known cannot be used: it is not a directory/,
    hint: /move away what is there/,
  },
  {
    name: 'acme-challenge is a link that leads out',
    exit: 1,
    arrange: ({ webroot }) =>
      mkdir(challengeDirectory(webroot)).then(() =>
        symlink('/etc', challengeDirectory(webroot, 'acme-challenge')),
      ),
    says: /acme-challenge cannot be used: it is a symbolic link/,
    hint: /replace it by a directory/,
  },
  {
    name: 'acme-challenge may not be written',
    exit: 1,
    asNobody: true,
    arrange: ({ webroot }) =>
      mkdir(challengeDirectory(webroot, 'acme-challenge'), { recursive: true }).then(() =>
        chmod(challengeDirectory(webroot, 'acme-challenge'), 0o555),
      ),
    says: /cannot be used: this user may not write or enter it/,
    hint: /run as its owner/,
  },

  // The configuration.
  {
    name: 'the configuration may not be read',
    exit: 2,
    asNobody: true,
    arrange: ({ configFile }) => chmod(configFile, 0),
    says: /cannot read .*certwright\.yaml: EACCES/,
    hint: /run as the user that owns it/,
  },
  {
    name: 'the drop-ins may not be listed',
    exit: 2,
    asNobody: true,
    arrange: ({ directory }) => mkdir(join(directory, 'certificates.d'), 0),
    says: /cannot list .*certificates\.d: EACCES/,
    hint: /drop-ins/,
  },
  {
    name: 'a drop-in may not be written',
    exit: 2,
    asNobody: true,
    arrange: ({ directory }) => mkdir(join(directory, 'certificates.d'), 0o555),
    args: () => ['issue', 'new.example'],
    says: /cannot write .*certificates\.d\/new\.example\.yaml: EACCES/,
    hint: /run as root, or choose another place/,
  },

  // Others.
  {
    name: 'the port of the challenge is taken',
    exit: 1,
    arrange: async () => {},
    args: async () => [
      'issue',
      'new.example',
      '--standalone',
      '--no-self-check',
      '--http-port',
      String(await takenPort()),
    ],
    says: /port \d+ is taken by \S+ \(pid \d+\)/,
    hint: /--webroot DIR/,
  },
]

describe('a disk that misbehaves', { concurrency: 4, timeout: 5 * timeout }, () => {
  for (const { name, arrange, args, asNobody = false, ...expected } of rows) {
    it(name, { timeout, skip: asNobody && !hasUsers && 'there are no users here' }, async () => {
      await using bench = await template.copy(asNobody && isRoot ? { uid: nobody } : {})
      await using ca = await startCaFor(bench)
      // The account is at this CA, so that what happens to it is this test's doing.
      assert.equal((await bench.run('account', 'register')).exitCode, 0)
      await arrange(bench)
      await bench.remember()
      assertRefused(await bench.run(...((await args?.(bench)) ?? renew)), expected)
      await bench.assertNothingLost()
      assert.equal(ca.issued(), 0)
    })
  }
})

it('a configuration of nginx that is not there costs the delivery, not the certificate', {
  timeout,
  skip: skipWithout('nginx'),
}, async () => {
  await using bench = await template.copy()
  await using ca = await startCaFor(bench)
  const flags = ['--deploy', 'nginx', '--nginx-config', '/nonexistent.conf']
  assertRefused(await bench.run('issue', 'new.example', ...flags), {
    exit: 1,
    says: /issued for new\.example\n[^]*nginx \(\/nonexistent\.conf\): FAILED\n.*nonexistent\.conf" failed/,
    hint: /repair it, and see what "nginx -t" says/,
  })
  assert.match((await bench.run('status')).stdout, /new\.example +not-deployed/)
  assert.equal(ca.issued(), 1)
})

describe('what is damaged and can be made again', { concurrency: 4, timeout: 5 * timeout }, () => {
  const damages: readonly {
    readonly name: string
    readonly damage: (bench: Bench) => Promise<unknown>
    readonly status: RegExp
  }[] = [
    {
      name: 'the facts of the certificate',
      damage: async bench => fill(await generationOf(bench, 'meta.json')),
      status: /meta\.json is damaged: it is not JSON/,
    },
    {
      name: 'the certificate',
      damage: async bench => fill(await generationOf(bench, 'fullchain.pem')),
      status: /fullchain\.pem is damaged: its content has changed/,
    },
    {
      name: 'the private key',
      damage: async bench => rm(await generationOf(bench, 'privkey.pem')),
      status: /privkey\.pem is damaged: it is missing/,
    },
    {
      name: 'the journal',
      damage: ({ state }) =>
        mkdir(join(state, 'runs', kept), { recursive: true }).then(() =>
          fill(join(state, 'runs', kept, '0001.json')),
        ),
      status: /0001\.json is damaged/,
    },
    {
      name: 'the record of deliveries',
      damage: async ({ state }) => {
        await mkdir(join(state, 'deployments'), { recursive: true })
        await fill(join(state, 'deployments', `${kept}.json`))
      },
      status: /deployments\/kept\.example\.json is damaged/,
    },
    {
      name: 'the cache of names',
      damage: ({ state }) => fill(join(state, 'configured-names.json')),
      status: /kept\.example +ok/,
    },
    {
      name: 'the live link',
      damage: ({ state }) => replaceBy(join(state, 'live', kept), path => symlink('../nowhere', path)),
      status: /not-deployed/,
    },
  ]
  for (const { name, damage, status } of damages) {
    it(name, { timeout }, async () => {
      await using bench = await template.copy()
      await using ca = await startCaFor(bench)
      await damage(bench)
      const seen = await bench.run('status')
      assert.equal(seen.exitCode, 0, seen.stderr)
      assert.match(seen.stdout, status)
      const { exitCode, stdout, stderr } = await bench.run(...renew)
      assert.equal(exitCode, 0, stdout + stderr)
      assert.equal(ca.issued(), 1)
      assert.match((await bench.run('status')).stdout, /kept\.example +ok/)
    })
  }
})

const cannotMount = await whyNoMount()

describe('a full disk', { concurrency: 2, timeout: 5 * timeout, skip: cannotMount }, () => {
  const pageBytes = 4_096

  it('of the state: what there is no room for is not half done, and one certificate is issued in the end', {
    timeout,
  }, async () => {
    await using bench = await template.copy()
    await using ca = await startCaFor(bench)
    await using _disk = await moveToSmallDisk(bench.state, 64 * pageBytes)
    const filler = join(bench.state, 'filler')
    const failures: string[] = []
    for (let free = 0; ; free++) {
      await fillUp(filler, free * pageBytes)
      await bench.remember()
      const finished = await bench.run(...renew)
      if (finished.exitCode === 0) break
      assertRefused(finished, {
        exit: 1,
        says: /ENOSPC|disk is full/,
        hint: /free some disk space and run the command again; nothing was lost/,
      })
      failures.push(/cannot [^:]*/.exec(finished.stdout + finished.stderr)?.[0] ?? '')
      await bench.assertNothingLost()
      assert.ok(free < 40, failures.join('\n'))
    }
    assert.ok(new Set(failures).size >= 4, `it failed in too few places: ${failures.join('\n')}`)
    assert.equal(ca.issued(), 1)
    assert.equal(ca.asked('new-order'), 1)
    assert.match((await bench.run('status')).stdout, /kept\.example +ok/)
  })

  it('of the webroot', { timeout }, async () => {
    await using bench = await template.copy()
    await using ca = await startCaFor(bench)
    await using _disk = await moveToSmallDisk(bench.webroot, 4 * pageBytes)
    await fillUp(join(bench.webroot, 'filler'), 0)
    await bench.remember()
    assertRefused(await bench.run(...renew), {
      exit: 1,
      says: /cannot be used: its disk is full/,
      hint: /make room on it/,
    })
    await bench.assertNothingLost()
    assert.equal(ca.issued(), 0)
  })

  it('of the configuration', { timeout }, async () => {
    await using bench = await template.copy()
    const dropIns = join(bench.directory, 'certificates.d')
    await mkdir(dropIns)
    await using _disk = await moveToSmallDisk(dropIns, 4 * pageBytes)
    await fillUp(join(dropIns, 'filler'), 0)
    await bench.remember()
    const result = await bench.run('issue', 'new.example')
    assertRefused(result, {
      exit: 2,
      says: /cannot write .*new\.example\.yaml: ENOSPC/,
      hint: /free some disk space/,
    })
    await bench.assertNothingLost()
  })

  it('that is read-only', { timeout }, async () => {
    await using bench = await template.copy()
    await using _disk = await moveToSmallDisk(bench.state, 64 * pageBytes)
    await bench.remember()
    await runProgram(requireProgram('mount'), ['-o', 'remount,ro', bench.state])
    assertRefused(await bench.run(...renew), { exit: 1, says: /EROFS/, hint: /read-only|run as root/ })
    await bench.assertNothingLost()
  })
})

function challengeDirectory(webroot: string, ...names: readonly string[]): string {
  return join(webroot, '.well-known', ...names)
}

/** A file of the account at the CA that is configured. */
async function accountOf({ state, configFile }: Bench, file: string): Promise<string> {
  const [, host = ''] = /https:\/\/([\d.]+:\d+)/.exec(await readFile(configFile, 'utf8')) ?? []
  const accounts = join(state, 'accounts')
  const name = (await readdir(accounts)).find(one => one.startsWith(host.replace(':', '-')))
  return join(accounts, name ?? '', file)
}

async function generationOf({ state }: Bench, file: string): Promise<string> {
  const generations = join(state, 'certificates', kept)
  return join(generations, (await readdir(generations)).at(-1) ?? '', file)
}

async function takenPort(): Promise<number> {
  const port = await freePort()
  const server = createServer().listen(port, '0.0.0.0').unref()
  await once(server, 'listening')
  return port
}

async function whyNoMount(): Promise<string | false> {
  if (!isRoot || findProgram('mount') === undefined) return 'mounting a small disk needs root'
  await using directory = await tempDirectory()
  const { exitCode, stderr } = await mountSmallDisk(directory.path, 65_536)
  if (exitCode !== 0) return `mounting a small disk is not possible here: ${stderr.trim()}`
  await runProgram(requireProgram('umount'), [directory.path])
  return false
}

function mountSmallDisk(path: string, bytes: number) {
  return runProgram(requireProgram('mount'), [
    '-t',
    'tmpfs',
    '-o',
    `size=${bytes},mode=0700`,
    'certwright-test',
    path,
  ])
}

/** Puts what is in a directory on a disk of its own, at the same place, until it is disposed of. */
async function moveToSmallDisk(path: string, bytes: number): Promise<AsyncDisposable> {
  const aside = `${path}.aside`
  await rename(path, aside)
  await mkdir(path)
  const { exitCode, stderr } = await mountSmallDisk(path, bytes)
  assert.equal(exitCode, 0, stderr)
  for (const name of await readdir(aside))
    await cp(join(aside, name), join(path, name), { recursive: true, verbatimSymlinks: true })
  return {
    async [Symbol.asyncDispose]() {
      await runProgram(requireProgram('umount'), ['-l', path])
    },
  }
}

/** Leaves so many bytes free on the disk of a file. */
async function fillUp(file: string, freeBytes: number): Promise<void> {
  await rm(file, { force: true })
  const { bavail, bsize } = await statfs(file.slice(0, file.lastIndexOf('/')))
  await writeFile(file, new Uint8Array(Math.max(bavail * bsize - freeBytes, 0)))
}
