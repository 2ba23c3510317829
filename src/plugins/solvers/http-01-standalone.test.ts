import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import type { SolverChallenge } from '../../contracts/solver.ts'
import type { ListenHttp } from '../../runtime/network.ts'
import { nodeRuntime } from '../../runtime/node/runtime.ts'
import { fakeListeners } from '../../testing/fake-network.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import { challengePath } from './http-01.ts'
import { answerFrom, createStandaloneSolver } from './http-01-standalone.ts'

const signal = AbortSignal.timeout(30_000)
const token = (letter: string): string => letter.repeat(43)

function challenge(letter: string, name = 'a.test'): SolverChallenge {
  return {
    identifier: parseIdentifier(name),
    token: token(letter),
    keyAuthorization: `${token(letter)}.thumb`,
  }
}

const answers = new Map(
  [
    ['x', 'a.test'],
    ['y', '2001:db8::1'],
    ['z', '192.0.2.1'],
  ].map(([letter = '', host = '']) => [token(letter), { token: token(letter), host, content: `${letter}!` }]),
)

const requests: readonly {
  readonly method?: string
  readonly path?: string
  readonly host?: string | undefined
  readonly expected: string | undefined
}[] = [
  { host: 'a.test', expected: 'x!' },
  { host: 'A.Test:8080', expected: 'x!' },
  { host: 'a.test.', expected: 'x!' },
  { host: undefined, expected: 'x!' },
  { host: 'a.test', method: 'HEAD', expected: 'x!' },
  { host: 'a.test', method: 'POST', expected: undefined },
  { host: 'b.test', expected: undefined },
  { host: '', expected: undefined },
  { host: 'a.test', path: `${challengePath(token('x'))}/`, expected: undefined },
  { host: 'a.test', path: `${challengePath(token('x'))}?x`, expected: undefined },
  { host: 'a.test', path: `/${token('x')}`, expected: undefined },
  {
    host: 'a.test',
    path: `/.well-known/acme-challenge/../acme-challenge/${token('x')}`,
    expected: undefined,
  },
  { host: 'a.test', path: challengePath(token('q')), expected: undefined },
  { host: 'a.test', path: '/', expected: undefined },
  { host: '[2001:db8::1]', path: challengePath(token('y')), expected: 'y!' },
  { host: '[2001:DB8:0::1]:80', path: challengePath(token('y')), expected: 'y!' },
  { host: '192.0.2.1:80', path: challengePath(token('z')), expected: 'z!' },
  { host: 'a.test', path: challengePath(token('y')), expected: undefined },
]

for (const { method = 'GET', path = challengePath(token('x')), host, expected } of requests) {
  test(`${method} ${path.replaceAll(/(.)\1{42}/g, '$1…')} for ${host ?? 'no host'} is ${expected ?? 'not found'}`, () => {
    const { status, body } = answerFrom(answers, { method, path, host })
    assert.deepEqual([status, body], expected === undefined ? [404, ''] : [200, expected])
  })
}

test('one listener per address, from the first present until the last cleanUp', async () => {
  const runtime = fakeRuntime()
  const solver = createStandaloneSolver({ selfCheck: false }, runtime)
  const provisions = await Promise.all(['x', 'y'].map(letter => solver.provision(challenge(letter))))
  assert.deepEqual(runtime.listeners.listening(), [], 'a provision touches nothing')
  await Promise.all(provisions.map(provision => solver.present(provision, { signal })))
  const listening = [
    { host: '0.0.0.0', port: 80 },
    { host: '::', port: 80 },
  ]
  assert.deepEqual(runtime.listeners.listening(), listening)
  const ask = (letter: string) =>
    runtime.listeners.request(80, { method: 'GET', path: challengePath(token(letter)), host: 'a.test' })
  assert.equal(ask('x')?.body, `${token('x')}.thumb`)
  const [first = {}, second = {}] = provisions
  await solver.cleanUp(first, { signal })
  assert.equal(ask('x')?.status, 404)
  assert.equal(ask('y')?.status, 200)
  await solver.cleanUp(second, { signal })
  assert.deepEqual(runtime.listeners.listening(), [])
  await solver.cleanUp(second, { signal })
  await solver.present(first, { signal })
  assert.deepEqual(runtime.listeners.listening(), listening, 'it can start again')
  await solver[Symbol.asyncDispose]()
  assert.deepEqual(runtime.listeners.listening(), [])
})

test('cleanUp works in a process that never listened', async () => {
  const solver = createStandaloneSolver({}, fakeRuntime())
  await solver.cleanUp({ token: token('x'), host: 'a.test', content: 'c' }, { signal })
})

function listenError(code: string): AppError {
  return new AppError('ERR_LISTEN', `cannot listen: ${code}`, {
    cause: Object.assign(new Error(code), { code }),
  })
}

/** Listening that fails for some hosts. */
function failingAt(codes: Readonly<Record<string, string>>, listenHttp: ListenHttp): ListenHttp {
  return async (addresses, answer) => {
    for (const { host } of addresses) if (codes[host] !== undefined) throw listenError(codes[host])
    return await listenHttp(addresses, answer)
  }
}

const outcomes: readonly {
  readonly name: string
  readonly failing: Readonly<Record<string, string>>
  readonly hosts?: readonly string[]
  readonly listening?: readonly string[]
  readonly error?: { readonly message: RegExp; readonly hint?: RegExp }
}[] = [
  { name: 'no IPv6 on this machine', failing: { '::': 'EAFNOSUPPORT' }, listening: ['0.0.0.0'] },
  { name: 'IPv6 switched off', failing: { '::': 'EADDRNOTAVAIL' }, listening: ['0.0.0.0'] },
  { name: 'no IPv4 on this machine', failing: { '0.0.0.0': 'EAFNOSUPPORT' }, listening: ['::'] },
  {
    name: 'neither kind',
    failing: { '::': 'EAFNOSUPPORT', '0.0.0.0': 'EAFNOSUPPORT' },
    error: { message: /EAFNOSUPPORT/ },
  },
  {
    name: 'a given address that this machine does not have',
    hosts: ['127.0.0.1', '192.0.2.1'],
    failing: { '192.0.2.1': 'EADDRNOTAVAIL' },
    error: { message: /EADDRNOTAVAIL/ },
  },
  {
    name: 'a port that is taken, be it on one kind of address only',
    failing: { '::': 'EADDRINUSE' },
    error: {
      message: /^port 80 is taken by nginx \(pid 7\)$/,
      hint: /--webroot DIR.*http-01: \{ webroot: DIR \}/,
    },
  },
  {
    name: 'a port that needs rights',
    failing: { '0.0.0.0': 'EACCES' },
    error: { message: /may not listen on port 80/, hint: /sudo setcap cap_net_bind_service/ },
  },
]

for (const { name, failing, hosts, listening = [], error } of outcomes) {
  test(`${name}: ${error === undefined ? `listens on ${listening.join(' ')}` : 'an error'}`, async () => {
    const listeners = fakeListeners()
    const runtime = fakeRuntime({
      listenHttp: failingAt(failing, listeners.listenHttp),
      portOwner: async () => 'nginx (pid 7)',
    })
    const solver = createStandaloneSolver({ ...(hosts && { hosts: [...hosts] }) }, runtime)
    const presenting = solver.present(await solver.provision(challenge('x')), { signal })
    if (error === undefined) await presenting
    else {
      const { hint, ...rest } = error
      await assert.rejects(presenting, (thrown: unknown) => {
        assert.ok(thrown instanceof AppError)
        assert.equal(thrown.code, 'ERR_LISTEN')
        assert.match(thrown.message, rest.message)
        if (hint !== undefined) assert.match(thrown.hint ?? '', hint)
        return true
      })
    }
    assert.deepEqual(
      listeners.listening().map(({ host }) => host),
      listening,
    )
  })
}

test('after a failure the next present tries again', async () => {
  const listeners = fakeListeners()
  const failing: Record<string, string> = { '0.0.0.0': 'EADDRINUSE' }
  const solver = createStandaloneSolver(
    {},
    fakeRuntime({ listenHttp: failingAt(failing, listeners.listenHttp) }),
  )
  const provision = await solver.provision(challenge('x'))
  await assert.rejects(solver.present(provision, { signal }), {
    code: 'ERR_LISTEN',
    message: /another program/,
  })
  delete failing['0.0.0.0']
  await solver.present(provision, { signal })
  assert.equal(listeners.listening().length, 2)
})

test('on real sockets: the self-check sees the answer; a port in use names its owner', async () => {
  const runtime = nodeRuntime()
  const blocker = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => blocker.once('listening', resolve))
  const address = blocker.address()
  assert.ok(address !== null && typeof address === 'object')
  const options = { port: address.port, httpPort: address.port, hosts: ['127.0.0.1'] }
  const solver = createStandaloneSolver(options, runtime)
  const asked = challenge('x', '127.0.0.1')
  const provision = await solver.provision(asked)
  await assert.rejects(solver.present(provision, { signal }), {
    code: 'ERR_LISTEN',
    message: process.platform === 'linux' ? new RegExp(`pid ${process.pid}`) : /taken/,
  })
  await new Promise(resolve => blocker.close(resolve))
  await solver.present(provision, { signal })
  assert.deepEqual(await solver.selfCheck?.(asked, { signal }), { outcome: 'visible' })
  await solver.cleanUp(provision, { signal })
  const gone = await solver.selfCheck?.(asked, { signal })
  assert.ok(gone?.outcome === 'wrong')
  assert.match(gone.text, /nothing listens/)
})
