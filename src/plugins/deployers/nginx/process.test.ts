import assert from 'node:assert/strict'
import test from 'node:test'
import type { Runtime } from '../../../runtime/runtime.ts'
import { lookForProcess } from '../server/process.ts'
import { isNginx, pidFileOf } from './process.ts'

const signal = AbortSignal.timeout(5_000)
const absent = {
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeMs: 0,
  ctimeMs: 0,
  dev: 1,
  ino: 1,
} as const

/** A machine with these files, and, where there is no /proc, these processes. */
function machine(
  contents: Readonly<Record<string, string>>,
  processes: Readonly<Record<string, string>> = {},
): Pick<Runtime, 'files' | 'exec'> {
  const unused = () => assert.fail('not needed')
  return {
    exec: async (program, args) => {
      assert.equal(program, 'ps')
      const title = processes[args.at(-1) ?? '']
      return { exitCode: title === undefined ? 1 : 0, stdout: title ?? '', stderr: '' }
    },
    files: {
      read: async path =>
        contents[path] === undefined ? undefined : new TextEncoder().encode(contents[path]),
      facts: async path => (contents[path] === undefined ? undefined : absent),
      list: unused,
      makeDirectory: unused,
      writeNew: unused,
      writeDirectory: unused,
      replace: unused,
      replaceLink: unused,
      readLink: unused,
      rename: unused,
      remove: unused,
    },
  }
}

const proc = { '/proc/self/cmdline': 'node' }
const title = 'nginx: master process /usr/sbin/nginx\0'

const cases: readonly {
  readonly name: string
  readonly machine: Pick<Runtime, 'files' | 'exec'>
  readonly expected: RegExp | 'running'
}[] = [
  {
    name: 'a live master',
    machine: machine({ ...proc, '/pid': '12\n', '/proc/12/cmdline': title }),
    expected: 'running',
  },
  { name: 'no pid file', machine: machine(proc), expected: /\/pid does not exist/ },
  { name: 'an empty pid file', machine: machine({ ...proc, '/pid': '' }), expected: /no process id/ },
  { name: 'nonsense in it', machine: machine({ ...proc, '/pid': '../1\n' }), expected: /no process id/ },
  {
    name: 'a dead process',
    machine: machine({ ...proc, '/pid': '12\n' }),
    expected: /process 12, which is gone/,
  },
  {
    name: 'a process id that was given to another program',
    machine: machine({ ...proc, '/pid': '12\n', '/proc/12/cmdline': 'vi\0/etc/nginx/nginx.conf\0' }),
    expected: /another program/,
  },
  {
    name: 'a single process, which keeps its own title',
    machine: machine({ ...proc, '/pid': '12\n', '/proc/12/cmdline': '/usr/sbin/nginx\0-c\0x\0' }),
    expected: 'running',
  },
  {
    name: 'a live master without /proc',
    machine: machine({ '/pid': '12' }, { 12: title }),
    expected: 'running',
  },
  { name: 'a dead process without /proc', machine: machine({ '/pid': '12' }), expected: /gone/ },
]

for (const { name, machine, expected } of cases) {
  test(`${name}: ${expected}`, async () => {
    const state = await lookForProcess('/pid', machine, { isIt: isNginx, signal })
    if (expected === 'running') assert.equal(state.running, true)
    else assert.match(state.running ? 'running' : state.text, expected)
  })
}

const build =
  'configure arguments: --with-cc-opt=-ffile-prefix-map=x --prefix=/usr/share/nginx --pid-path=/run/nginx.pid'
const pidFiles: readonly {
  readonly configured?: string
  readonly prefix?: string
  readonly build: string
  readonly expected: string
}[] = [
  { configured: '/x.pid', build: 'is not asked for', expected: '/x.pid' },
  { build, expected: '/run/nginx.pid' },
  { configured: 'a.pid', build, expected: '/usr/share/nginx/a.pid' },
  { configured: 'a.pid', prefix: '/srv/', build, expected: '/srv/a.pid' },
  { build: 'configure arguments:', expected: '/usr/local/nginx/logs/nginx.pid' },
]

for (const { configured, prefix, build, expected } of pidFiles) {
  test(`pid ${configured ?? 'not configured'}, -p ${prefix ?? 'not given'}, built with "${build}": ${expected}`, async () => {
    const args = configured === undefined ? [] : [configured]
    const directives = args.map(arg => ({ name: 'pid', args: [arg], place: { file: 'f', line: 1 } }))
    assert.equal(await pidFileOf({ directives }, { prefix, askBuild: async () => build }), expected)
  })
}
