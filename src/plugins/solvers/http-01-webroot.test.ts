import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { tempDirectory } from '../../../test/support/temp-directory.ts'
import { parseIdentifier } from '../../acme/identifier.ts'
import type { Provision, SolverChallenge } from '../../contracts/solver.ts'
import { nodeRuntime } from '../../runtime/node/runtime.ts'
import { fakeHttp, fakeResolver, textReply } from '../../testing/fake-network.ts'
import { createWebrootSolver } from './http-01-webroot.ts'

const signal = AbortSignal.timeout(30_000)
const runtime = nodeRuntime()
const token = (letter: string): string => letter.repeat(43)

function challenge(letter: string, name = 'a.test'): SolverChallenge {
  return {
    identifier: parseIdentifier(name),
    token: token(letter),
    keyAuthorization: `${token(letter)}.thumb`,
  }
}

/** As a journal does: through JSON. */
function stored(provision: Provision): Provision {
  return JSON.parse(JSON.stringify(provision)) as Provision
}

test('a file is there after present and gone after cleanUp, with the directories that were made for it', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  const solver = createWebrootSolver({ webroot, selfCheck: false }, runtime)
  const provision = stored(await solver.provision(challenge('x')))
  assert.deepEqual(await readdir(webroot), [], 'a provision touches nothing')
  await solver.present(provision, { signal })
  const file = join(webroot, '.well-known/acme-challenge', token('x'))
  assert.equal(await readFile(file, 'utf8'), `${token('x')}.thumb`)
  const later = createWebrootSolver({ webroot: '/elsewhere' }, runtime)
  await later.cleanUp(provision, { signal })
  assert.deepEqual(await readdir(webroot), [])
  await later.cleanUp(provision, { signal })
})

test('directories and files of others stay', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  const directory = join(webroot, '.well-known', 'acme-challenge')
  await mkdir(join(webroot, '.well-known'))
  const solver = createWebrootSolver({ webroot, selfCheck: false }, runtime)
  const [first, second] = [await solver.provision(challenge('x')), await solver.provision(challenge('y'))]
  await solver.present(first, { signal })
  await solver.present(second, { signal })
  await writeFile(join(directory, token('y')), 'replaced by somebody')
  await solver.cleanUp(first, { signal })
  await solver.cleanUp(second, { signal })
  assert.deepEqual(await readdir(directory), [token('y')])
  await rm(join(directory, token('y')))
  await solver.cleanUp(second, { signal })
  assert.deepEqual(await readdir(webroot), ['.well-known'], 'was there before')
})

test('present may be repeated after an interruption, but never overwrites', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  const solver = createWebrootSolver({ webroot, selfCheck: false }, runtime)
  const provision = await solver.provision(challenge('x'))
  await solver.present(provision, { signal })
  await solver.present(provision, { signal })
  await writeFile(join(webroot, '.well-known/acme-challenge', token('x')), 'of somebody')
  await assert.rejects(solver.present(provision, { signal }), { code: 'ERR_WEBROOT' })
})

test('a link below the webroot is refused, a missing webroot too; cleaning up a webroot that is gone is fine', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  await symlink('/tmp', join(webroot, '.well-known'))
  const solver = createWebrootSolver({ webroot, selfCheck: false }, runtime)
  await assert.rejects(solver.provision(challenge('x')), { code: 'ERR_WEBROOT' })
  const gone = createWebrootSolver({ webroot: join(webroot, 'gone'), selfCheck: false }, runtime)
  await assert.rejects(gone.provision(challenge('x')), { code: 'ERR_WEBROOT' })
  const provision = { webroot: join(webroot, 'gone'), token: token('x'), content: 'c', directories: [1, 2] }
  await gone.cleanUp(provision, { signal })
})

test('a provision that was tampered with never becomes a path', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  const solver = createWebrootSolver({ webroot }, runtime)
  const provision = { webroot, token: '../../../../etc/passwd', content: 'c', directories: [] }
  await assert.rejects(solver.present(provision, { signal }), { code: 'ERR_FORMAT', message: /token/ })
  await assert.rejects(solver.cleanUp(provision, { signal }), { code: 'ERR_FORMAT' })
})

test('names may have webroots of their own', async () => {
  await using temporary = await tempDirectory()
  const webroot = temporary.path
  await using another = await tempDirectory()
  const other = another.path
  const solver = createWebrootSolver({ webroot, webroots: { 'b.test': other } }, runtime)
  assert.equal((await solver.provision(challenge('x', 'a.test')))['webroot'], webroot)
  assert.equal((await solver.provision(challenge('x', 'b.test')))['webroot'], other)
})

const refusals: readonly { readonly name: string; readonly expected: RegExp | undefined }[] = [
  { name: 'a.test', expected: undefined },
  { name: '192.0.2.1', expected: undefined },
  { name: '2001:db8::1', expected: undefined },
  { name: '*.a.test', expected: /wildcard, only dns-01 can/ },
]

for (const { name, expected } of refusals) {
  test(`${name} is ${expected === undefined ? 'served' : 'refused'}`, () => {
    const text = createWebrootSolver({ webroot: '/w' }, runtime).refusal(parseIdentifier(name))
    if (expected === undefined) assert.equal(text, undefined)
    else assert.match(text ?? '', expected)
  })
}

test('the self-check names the webroot of the identifier, and can be left out', async () => {
  const scripted = {
    ...runtime,
    resolver: fakeResolver({ 'a.test': ['192.0.2.1'] }),
    http: fakeHttp(() => textReply(404, '', { server: 'nginx' })),
  }
  const solver = createWebrootSolver({ webroot: '/w', webroots: { 'a.test': '/of/a' } }, scripted)
  const result = await solver.selfCheck?.(challenge('x'), { signal })
  assert.ok(result?.outcome === 'wrong')
  assert.match(result.hint, /--webroot \/of\/a$/)
  assert.ok(!('selfCheck' in createWebrootSolver({ webroot: '/w', selfCheck: false }, scripted)))
})
