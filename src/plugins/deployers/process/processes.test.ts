import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { nodeRuntime } from '../../../runtime/node/runtime.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { recordedExec } from '../../../testing/recorded-exec.ts'
import { ageMs, findByProgram, isCalled, namesOf, parsePsLine, parseStat, readProcess } from './processes.ts'

const { signal } = new AbortController()
const runtime = nodeRuntime()

/** A line of /proc/PID/stat. */
const stat = (pid: number, parent: number, { name = 'x', state = 'S', ticks = 500 } = {}) =>
  `${pid} (${name}) ${state} ${parent} ${'0 '.repeat(17)}${ticks} 9 9\n`

const stats: readonly (readonly [string, ReturnType<typeof parseStat>])[] = [
  [stat(12, 3), { name: 'x', parent: 3, startTicks: 500 }],
  [stat(12, 3, { name: ') S 1 (a b)' }), { name: ') S 1 (a b)', parent: 3, startTicks: 500 }],
  [stat(12, 3, { state: 'Z' }), undefined],
  [stat(12, 3, { state: 'X' }), undefined],
  ['', undefined],
  ['12 (x) S', undefined],
]
for (const [text, expected] of stats) {
  test(`stat ${JSON.stringify(text)}`, () => assert.deepEqual(parseStat(text), expected))
}

const titles: readonly (readonly [string, string, string | undefined, readonly string[]])[] = [
  ['nginx', 'nginx: master process /usr/sbin/nginx', '/usr/sbin/nginx', ['nginx', 'nginx', 'nginx']],
  ['exim4', '/usr/sbin/exim4\0-bd\0', undefined, ['exim4', 'exim4']],
  [
    'supervisord',
    '/usr/bin/python3\0/usr/bin/supervisord\0',
    undefined,
    ['supervisord', 'python3', 'supervisord'],
  ],
  ['sh', '/bin/sh\0/srv/run.sh\0', '/bin/dash', ['sh', 'sh', 'dash', 'run.sh']],
  ['x', '/opt/x\0', '/opt/x (deleted)', ['x', 'x', 'x']],
  ['bash', '-bash\0', undefined, ['bash', 'bash']],
  ['kthreadd', '', undefined, ['kthreadd']],
]
for (const [kernelName, title, program, names] of titles) {
  test(`the names of ${JSON.stringify(title)}`, () => {
    assert.deepEqual(namesOf({ kernelName, title, program }), names)
  })
}

test('a name that the kernel has cut is known, and no other one that begins with it', () => {
  const process = { pid: 9, parent: 1, title: '', began: { ticks: 1 } }
  assert.ok(isCalled('prometheus-node-exporter')({ ...process, names: ['prometheus-node'] }))
  assert.ok(!isCalled('prometheus-node-exporter')({ ...process, names: ['x', 'prometheus-node'] }))
  assert.ok(!isCalled('exim4')({ ...process, names: ['exim4-x', 'exim'] }))
})

const lines: readonly (readonly [string, number | undefined])[] = [
  ['  12     1       01:05 /usr/sbin/x -d', 65_000],
  ['  12     1    02:01:05 /usr/sbin/x', 7_265_000],
  ['  12     1  3-02:01:05 /usr/sbin/x', 266_465_000],
  ['nonsense', undefined],
]
for (const [line, age] of lines) {
  test(`ps: ${line}`, () => {
    const found = parsePsLine(line)
    assert.deepEqual(found?.began, age === undefined ? undefined : { agoMs: age })
    if (found !== undefined) assert.deepEqual([found.pid, found.parent, found.names], [12, 1, ['x']])
  })
}

type Entry = { readonly parent: number; readonly title: string; readonly name?: string }

/** A machine with these processes in its /proc. */
async function machine(
  processes: Readonly<Record<number, Entry>>,
  options: { readonly owner?: string } = {},
) {
  const found = fakeRuntime({ portOwner: async () => options.owner })
  await found.files.put('/proc/self/stat', stat(1, 0))
  for (const [pid, { parent, title, name = 'x' }] of Object.entries(processes)) {
    await found.files.put(`/proc/${pid}/stat`, stat(Number(pid), parent, { name }))
    await found.files.put(`/proc/${pid}/cmdline`, title)
  }
  return found
}

const one = {
  5: { parent: 1, title: '/usr/sbin/exim4\0-bd' },
  6: { parent: 5, title: '/usr/sbin/exim4\0-q' },
}
const two = { ...one, 8: { parent: 7, title: 'exim4' }, 9: { parent: 8, title: 'exim4' } }
const searches: readonly {
  readonly name: string
  readonly processes: Readonly<Record<number, Entry>>
  readonly port?: number
  readonly owner?: string
  readonly expected: number | RegExp
}[] = [
  { name: 'the main process, and not its children', processes: one, expected: 5 },
  { name: 'none', processes: {}, expected: /no process is called exim4/ },
  { name: 'two that are alike', processes: two, expected: /2 processes are called exim4 \(5, 8\)/ },
  { name: 'the one that listens', processes: two, port: 25, owner: 'exim4 (pid 8)', expected: 8 },
  {
    name: 'the parent of the one that listens',
    processes: two,
    port: 25,
    owner: 'exim4 (pid 9)',
    expected: 8,
  },
  {
    name: 'a port of somebody else',
    processes: one,
    port: 25,
    owner: 'master (pid 77)',
    expected: /port 25 is not listened on by exim4, but by master \(pid 77\)/,
  },
  { name: 'a port of nobody', processes: one, port: 25, expected: /by nobody that can be seen from here/ },
]
for (const { name, processes, port, owner, expected } of searches) {
  test(`by program: ${name}`, async () => {
    const found = await findByProgram(
      'exim4',
      { port, signal },
      await machine(processes, owner === undefined ? {} : { owner }),
    )
    if (typeof expected === 'number') assert.equal(found.running && found.process.pid, expected)
    else assert.match(found.running ? 'running' : found.text, expected)
  })
}

test('without /proc, ps is asked', async () => {
  const { exec, commands } = recordedExec(() => '  5  1  00:10 /usr/sbin/exim4 -bd\n  6  5  00:09 exim4 -q\n')
  const bsd = fakeRuntime({ exec })
  const found = await findByProgram('exim4', { signal }, bsd)
  assert.equal(found.running && found.process.pid, 5)
  assert.equal(found.running && (await ageMs(found.process, { signal }, bsd)), 10_000)
  assert.deepEqual(commands(), ['ps -A -o pid= -o ppid= -o etime= -o args='])
})

test('a real process is found by its name, with its age', async () => {
  const before = performance.now()
  const child = spawn('/bin/sleep', ['60'])
  await once(child, 'spawn')
  try {
    const found = await readProcess(child.pid ?? 0, { signal }, runtime)
    assert.ok(found !== undefined)
    assert.ok(found.names.includes('sleep'))
    assert.equal(found.parent, process.pid)
    const age = await ageMs(found, { signal }, runtime)
    assert.ok(age >= 0 && age <= performance.now() - before + 20, `${age} ms`)
    const self = await readProcess(process.pid, { signal }, runtime)
    assert.ok(self !== undefined && (await ageMs(self, { signal }, runtime)) >= age)
  } finally {
    child.kill()
    await once(child, 'exit')
  }
  assert.equal(await readProcess(child.pid ?? 0, { signal }, runtime), undefined)
})

test('the ps of this machine says what is expected of it', {
  skip: existsSync('/bin/ps') ? false : 'no ps',
}, async () => {
  const { exec } = runtime
  const withoutProc = fakeRuntime({ exec })
  const self = await readProcess(process.pid, { signal }, withoutProc)
  assert.ok(self !== undefined)
  assert.equal(self.parent, process.ppid)
  assert.ok(self.names.includes('node'), self.names.join())
  assert.ok('agoMs' in self.began && self.began.agoMs < 3_600_000)
})
