/** At whatever instant the power goes, the real disk holds a state that the files in memory of the other tests go through, too. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it, test } from 'node:test'
import { instant } from '../../src/base/instant.ts'
import { type FsOps, temporaryPrefix } from '../../src/runtime/files.ts'
import { memoryFiles } from '../../src/testing/memory-files.ts'
import { piecewiseFiles } from '../../src/testing/piecewise-files.ts'
import { findProgram, runProgram, skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { marks, operations } from './disk-operations.ts'
import { parseTrace, type SystemCall, tracedCalls } from './system-calls.ts'
import { createUnsafeDisk, type Listing } from './unsafe-disk.ts'

/** Leaves any part of what was in it: the store gives it a temporary name first. */
const partial = 'remove-directory'

const skip = skipWithout('strace')

describe('the disk when the power goes in the middle of an operation', { skip }, () => {
  let place = ''
  let calls: readonly SystemCall[] = []
  before(async () => {
    ;({ place, calls } = await trace())
  })

  for (const name of Object.keys(operations)) {
    it(`${name}: what was there, or what is to be there, and nothing else`, async () => {
      const expected = await statesInMemory(name)
      const [earlier, ...others] = expected
      const later = others.at(-1)
      const { during, atEnd } = statesOnDisk(name, place, calls)
      assert.ok(during.length > 1, 'nothing happened')
      assert.deepEqual(atEnd, [later], 'what has ended is not durable')
      const seen = [...new Set(during.map(state => state.filter(isNamed).join('\n')))]
      assert.ok(seen.includes(text(earlier)) && seen.includes(text(later)), 'the model leaves something out')
      const allowed = expected.map(text)
      for (const state of seen) {
        if (name === partial)
          for (const line of state.split('\n')) assert.ok(earlier?.includes(line) ?? false, line)
        else assert.ok(allowed.includes(state), `the disk may hold\n${state}`)
      }
    })
  }
})

test('the model finds what a careless program may leave', () => {
  const disk = createUnsafeDisk('/place')
  const begin: readonly SystemCall[] = [
    { kind: 'create', path: '/place/file', file: 3 },
    { kind: 'write', file: 3, text: 'old' },
    { kind: 'close', file: 3 },
  ]
  for (const call of begin) disk.carryOut(call)
  disk.settle()
  const careless: readonly SystemCall[] = [
    { kind: 'create', path: '/place/new', file: 3 },
    { kind: 'write', file: 3, text: 'more' },
    { kind: 'close', file: 3 },
    { kind: 'rename', from: '/place/new', to: '/place/file' },
  ]
  for (const call of careless) disk.carryOut(call)
  assert.deepEqual(
    new Set(disk.states().map(state => state.join())),
    new Set([
      '/file old',
      ...['/file old,/new more', '/file old,/new mo', '/file old,/new '],
      ...['/file more', '/file mo', '/file '], // the name is there, and the content is not
    ]),
  )
  disk.carryOut({ kind: 'open', path: '/place', file: 4 })
  disk.carryOut({ kind: 'sync', file: 4 })
  assert.deepEqual(disk.states(), [['/file more'], ['/file mo'], ['/file ']])
})

/** What the operations do to the kernel, on a disk of this machine. */
async function trace(): Promise<{ readonly place: string; readonly calls: readonly SystemCall[] }> {
  await using directory = await tempDirectory()
  const place = join(directory.path, 'place')
  const output = join(directory.path, 'trace')
  const program = join(import.meta.dirname, 'disk-operations.ts')
  const options = ['-f', '-qq', '-s', '4096', '-e', `trace=${tracedCalls.join(',')}`, '-o', output]
  const strace = findProgram('strace') ?? assert.fail('strace is not installed')
  const { exitCode, stderr } = await runProgram(strace, [...options, process.execPath, program, place])
  assert.equal(exitCode, 0, stderr)
  return { place, calls: parseTrace(await readFile(output, 'utf8')) }
}

/** Every state that the disk may be in at any instant of an operation, and those that it may be in at its end. */
function statesOnDisk(
  name: string,
  place: string,
  calls: readonly SystemCall[],
): { readonly during: readonly Listing[]; readonly atEnd: readonly Listing[] } {
  const disk = createUnsafeDisk(place)
  const states = () => disk.states().map(state => state.filter(line => line.startsWith(`/${name}/`)))
  const during: Listing[] = []
  let isUnderWay = false
  for (const call of calls) {
    if (call.kind === 'look' && call.path === `${place}/${name}/${marks.end}`) break
    if (call.kind === 'look' && call.path.endsWith(`/${marks.begin}`)) {
      disk.settle()
      isUnderWay = call.path.startsWith(`${place}/${name}/`)
    }
    disk.carryOut(call)
    if (isUnderWay) during.push(...states())
  }
  return { during, atEnd: states() }
}

/** The states that memory goes through, from before to after. */
async function statesInMemory(name: string): Promise<readonly Listing[]> {
  const { prepare, run } = operations[name] ?? assert.fail(name)
  const disk = memoryFiles({ clock: { now: () => instant(0) } })
  const root = `/${name}`
  await disk.makeDirectory(root, 0o700)
  await prepare(disk, root)
  const look = async () => [`${root}/`, ...(await listingOf(disk, root))].filter(isNamed)
  const states = [await look()]
  const files = piecewiseFiles(disk, {
    look: (_, read) => read(),
    change: async (_, change) => {
      const result = await change()
      states.push(await look())
      return result
    },
    id: () => 'x',
  })
  await run(files, root)
  return states
}

async function listingOf(files: FsOps, path: string): Promise<Listing> {
  const lines: string[] = []
  for (const name of await files.list(path)) {
    const place = `${path}/${name}`
    const kind = (await files.facts(place))?.kind
    if (kind === 'directory') lines.push(`${place}/`, ...(await listingOf(files, place)))
    else if (kind === 'symlink') lines.push(`${place} -> ${await files.readLink(place)}`)
    else lines.push(`${place} ${Buffer.from((await files.read(place)) ?? []).toString()}`)
  }
  return lines
}

function isNamed(line: string): boolean {
  return !line.includes(temporaryPrefix)
}

function text(state: Listing | undefined): string {
  return (state ?? []).join('\n')
}
