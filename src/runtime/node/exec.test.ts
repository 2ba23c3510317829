import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { nodeExec } from './exec.ts'

const exec = nodeExec()

describe('node exec', () => {
  it('hands arguments over as they are and gathers both streams', async () => {
    const script = 'printf "%s|" "$@"; echo trouble >&2; exit 3'
    const args = ['a b', '$(id)', '*', "it's", '']
    assert.deepEqual(await exec('sh', ['-c', script, 'name', ...args]), {
      exitCode: 3,
      stdout: "a b|$(id)|*|it's||",
      stderr: 'trouble\n',
    })
  })

  it('has no exit code for a program that a signal ended', async () => {
    const { exitCode } = await exec('sh', ['-c', 'kill -TERM $$'])
    assert.equal(exitCode, undefined)
  })

  it('gives a clean environment, or exactly the given one', async () => {
    process.env['CERTWRIGHT_TEST_SECRET'] = 'secret'
    try {
      const names = (text: string): string[] =>
        text
          .trim()
          .split('\n')
          .map(line => line.split('=')[0] ?? '')
      assert.deepEqual(names((await exec('env', [])).stdout).sort(), ['HOME', 'LANG', 'PATH'])
      assert.equal((await exec('/usr/bin/env', [], { env: { ONE: '1' } })).stdout, 'ONE=1\n')
    } finally {
      delete process.env['CERTWRIGHT_TEST_SECRET']
    }
  })

  it('runs as another user where it is root, and as itself otherwise', async () => {
    const own = process.getuid?.() ?? 0
    const { stdout } = await exec('id', ['-u'], { user: { uid: 65_534, gid: 65_534 } })
    assert.equal(Number(stdout), own === 0 ? 65_534 : own)
  })

  it('has nothing to read on its standard input', async () => {
    assert.equal((await exec('cat', [])).stdout, '')
  })

  it('writes the input, also for a program that does not read it', async () => {
    const input = 'x'.repeat(1024 * 1024)
    assert.equal((await exec('wc', ['-c'], { input })).stdout.trim(), String(input.length))
    assert.equal((await exec('true', [], { input })).exitCode, 0)
    const bytes = new Uint8Array([0, 255, 128])
    assert.match((await exec('od', ['-An', '-tu1'], { input: bytes })).stdout, /^ +0 +255 +128\n$/)
  })

  it('says what cannot be started', async () => {
    await using directory = await tempDirectory()
    const plain = `${directory.path}/plain`
    writeFileSync(plain, '#!/bin/sh\n')
    chmodSync(plain, 0o644)
    const cases = [
      { program: 'no-such-program', message: /no program no-such-program/, hint: /install it/ },
      { program: 'bin/sh', message: /neither an absolute path nor/, hint: /from \// },
      {
        program: '/no/such/program',
        message: /cannot be started: it is not there, or/,
        hint: /correct the path/,
      },
      { program: plain, message: /cannot be started.*EACCES/, hint: /make it executable/ },
    ]
    for (const { program, message, hint } of cases) {
      await assert.rejects(exec(program, []), { code: 'ERR_EXEC', message, hint })
    }
    const tooLong = ['x'.repeat(4 * 1024 * 1024)]
    await assert.rejects(exec('echo', tooLong), { code: 'ERR_EXEC', message: /cannot be started.*E2BIG/ })
  })

  it('ends a program that prints too much, on either stream', async () => {
    for (const script of ['yes', 'yes >&2']) {
      await assert.rejects(exec('sh', ['-c', script], { maxOutputBytes: 10_000 }), {
        code: 'ERR_EXEC',
        message: /printed more than 10000 bytes/,
      })
    }
    const { stdout } = await exec('head', ['-c', '10000', '/dev/zero'], { maxOutputBytes: 10_000 })
    assert.equal(stdout.length, 10_000)
  })

  it('ends a program that takes too long, with its children', async () => {
    await using directory = await tempDirectory()
    const pidFile = `${directory.path}/pid`
    const script = `sleep 1000 & echo $! > ${pidFile}; wait`
    await assert.rejects(exec('sh', ['-c', script], { timeoutMs: 300 }), {
      code: 'ERR_EXEC',
      message: /sh was ended: it took longer than 0\.3 s/,
    })
    await assertEnded(Number(await readFile(pidFile, 'utf8')))
  })

  it('ends a program when it is cancelled, with its children', async () => {
    await using directory = await tempDirectory()
    const pipe = `${directory.path}/pipe`
    execFileSync('mkfifo', [pipe])
    const controller = new AbortController()
    const running = exec('sh', ['-c', `sleep 1000 & echo $! > ${pipe}; wait`], { signal: controller.signal })
    const refused = assert.rejects(running, { code: 'ERR_ABORTED' })
    const pid = Number(await readFile(pipe, 'utf8')) // waits until it is written
    controller.abort()
    await refused
    await assertEnded(pid)
    await assert.rejects(exec('true', [], { signal: controller.signal }), { code: 'ERR_ABORTED' })
  })

  it('does not wait for a daemon that keeps the output open, and lets it live', async () => {
    const { stdout } = await exec('sh', ['-c', 'sleep 1000 & echo $!'], { timeoutMs: 10_000 })
    const pid = Number(stdout)
    process.kill(pid, 0) // throws if it is gone
    process.kill(pid, 'SIGKILL')
  })

  it('says what a program that did not end said last', async () => {
    const running = exec('sh', ['-c', 'echo begun; echo "waiting for \\033[1mgodot" >&2; sleep 60'], {
      timeoutMs: 300,
    })
    await assert.rejects(running, {
      code: 'ERR_EXEC',
      message: /took longer than 0\.3 s; it said last: waiting for \\u\{1b\}\[1mgodot$/,
    })
  })

  it('refuses a program that everybody may change where only trusted ones are wanted', async () => {
    await using directory = await tempDirectory()
    const script = `${directory.path}/script`
    writeFileSync(script, '#!/bin/sh\necho ran\n', { mode: 0o755 })
    const options = { trustedOnly: true }
    assert.equal((await exec(script, [], options)).stdout, 'ran\n')
    assert.equal((await exec('true', [], options)).exitCode, 0)
    chmodSync(script, 0o777)
    await assert.rejects(exec(script, [], options), {
      code: 'ERR_EXEC',
      message: `${script} is not run: ${script} can be changed by every user of this machine`,
    })
    assert.equal((await exec(script, [])).stdout, 'ran\n', 'unless nobody asked')
    await assert.rejects(exec(`${directory.path}/none`, [], options), {
      code: 'ERR_EXEC',
      message: /cannot be started: it is not there/,
    })
  })
})

/** Waits until a process is gone, or a zombie that nobody has buried yet. */
async function assertEnded(pid: number): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if (!isAlive(pid)) return
    await new Promise(setImmediate)
  }
  assert.fail(`process ${pid} is still alive`)
}

function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}
