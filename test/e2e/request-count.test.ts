/** How many requests a certificate costs at a CA that answers quickly, with an account that exists. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { createAcmeClient } from '../../src/client/client.ts'
import type { Solver } from '../../src/contracts/solver.ts'
import { resolveAuthority } from '../../src/manage/authorities.ts'
import { defineCertificate } from '../../src/manage/define.ts'
import { obtainCertificate } from '../../src/manage/execute/obtain.ts'
import { createManager } from '../../src/manage/manager.ts'
import { createSolver } from '../../src/plugins/registry.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { createCsr } from '../../src/x509/csr.ts'
import { createSigner, generateAccountKey, generateKey } from '../../src/x509/key.ts'
import { type Pebble, startPebble } from '../support/pebble.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl')
const signal = AbortSignal.timeout(60_000)

// Per name an authorization and a challenge; and the directory, two nonces, newOrder, finalize, the certificate.
const maxRequests = (names: number) => 2 * names + 6

test('a certificate costs two requests per name and six more, beside looks at the order', {
  skip,
}, async t => {
  await using pebble = await startPebble({ retryAfter: { authz: 0, order: 0 } })
  for (const count of [1, 20]) {
    const names = (path: string) => Array.from({ length: count }, (_, n) => `${path}${n}-of-${count}.test`)
    await t.test(`${count} by the library`, async () => {
      const counted = countingRuntime(pebble)
      await obtainByLibrary(pebble, names('l'), counted)
      assertFew(counted, count)
    })
    await t.test(`${count} by the manager`, async () => {
      const counted = countingRuntime(pebble)
      await obtainByManager(pebble, names('m'), counted)
      assertFew(counted, count)
    })
  }
})

function assertFew({ requests, orders }: Counted, names: number): void {
  const others = requests.filter(url => !orders.has(url) && !isRenewalInfo(url))
  const limit = maxRequests(names)
  assert.ok(others.length >= 2 * names + 4, `only ${others.length} requests were seen`)
  assert.ok(others.length <= limit, `${others.length} requests, at most ${limit}:\n${others.join('\n')}`)
  assert.ok(requests.filter(isRenewalInfo).length <= 1, requests.join('\n'))
}

/** When to renew is asked once there is a certificate, and only by who will renew it. */
function isRenewalInfo(url: string): boolean {
  return url.includes('/renewalInfo/')
}

type Counted = {
  readonly runtime: Runtime
  /** What the CA was asked, from the last {@link Counted.start} on. */
  readonly requests: readonly string[]
  readonly orders: ReadonlySet<string>
  /** Begins to count anew, with connections and memory of a new process. */
  readonly start: () => Runtime
}

/** Everything that is asked of the CA is noted; the URLs of orders are told apart by the answers. */
function countingRuntime(pebble: Pebble): Counted {
  const requests: string[] = []
  const orders = new Set<string>()
  const fresh = (): Runtime => {
    const real = nodeRuntime({ dnsServers: [pebble.dnsServer] })
    return {
      ...real,
      // How busy this machine is must not count: who waits for a reply that brings a nonce has ten times the patience.
      clock: { ...real.clock, sleep: (ms, stop) => real.clock.sleep(10 * ms, stop) },
      http: async (url, request) => {
        if (url.startsWith('https:')) requests.push(url)
        const reply = await real.http(url, request)
        const location = reply.headers.get('location')
        if (location?.includes('order') === true) orders.add(location)
        return reply
      },
    }
  }
  const runtime = fresh()
  return {
    runtime,
    requests,
    orders,
    start: () => {
      requests.length = 0
      return fresh()
    },
  }
}

async function obtainByLibrary(
  pebble: Pebble,
  names: readonly string[],
  { runtime, start }: Counted,
): Promise<void> {
  const signer = createSigner(await generateAccountKey('ES256'))
  const registering = createAcmeClient(pebble, runtime)
  const { account } = await registering.newAccount({ signer, termsOfServiceAgreed: true }, { signal })

  const contents = new Map<string, string>()
  await using _listener = await runtime.listenHttp(
    [{ host: '127.0.0.1', port: pebble.httpPort }],
    ({ path }) => ({ status: 200, body: contents.get(path.split('/').at(-1) ?? '') ?? '' }),
  )
  const solver: Solver = {
    name: 'memory',
    type: 'http-01',
    refusal: () => undefined,
    provision: async ({ token, keyAuthorization }) => {
      contents.set(token, keyAuthorization)
      return {}
    },
    present: async () => {},
    cleanUp: async () => {},
  }
  const counted = start()
  const client = createAcmeClient(pebble, counted)
  const key = { url: account.url, signer }
  const identifiers = names.map(parseIdentifier)
  const csr = createCsr(identifiers, await generateKey('ecdsa-p256'))
  const { order } = await client.newOrder(key, { identifiers }, { signal })
  const chain = await obtainCertificate(
    client,
    key,
    { order, csr, solver, selfCheck: false, signal },
    counted,
  )
  assert.ok(chain.length > 1)
}

async function obtainByManager(pebble: Pebble, names: readonly string[], counted: Counted): Promise<void> {
  await using directory = await tempDirectory()
  const authority = resolveAuthority(pebble.directory, { trustFile: pebble.trustFile })
  if ('problem' in authority) throw new Error(authority.problem)
  const port = pebble.httpPort
  const solver = { name: 'http-01-standalone', options: { port, httpPort: port, hosts: ['127.0.0.1'] } }
  const manage = (runtime: Runtime) => {
    const client = createAcmeClient(pebble, runtime)
    const made = createSolver(solver, runtime)
    return createManager(
      {
        state: join(directory.path, 'state'),
        config: {
          account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
          certificates: [defineCertificate({ identifiers: names, authority, solver })],
        },
        clientFor: async () => client,
        solverFor: () => made,
        deployerFor: () => Promise.reject(new TypeError('there is no target')),
        onEvent: () => {},
      },
      runtime,
    )
  }
  await manage(counted.runtime).account(authority, { signal })
  const [result] = await manage(counted.start()).apply({ signal })
  assert.equal(result?.outcome, 'issued', result?.error?.message)
}
