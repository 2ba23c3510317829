/** Those who obtain certificates, each from an account that exists, over connections of their own. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Agent } from 'node:https'
import { join } from 'node:path'
import acme from 'acme-client'
import { parseIdentifier } from '../src/acme/identifier.ts'
import { parseUrl } from '../src/acme/wire.ts'
import { secondMs } from '../src/base/instant.ts'
import { createAcmeClient } from '../src/client/client.ts'
import type { Solver } from '../src/contracts/solver.ts'
import { resolveAuthority } from '../src/manage/authorities.ts'
import { defineCertificate } from '../src/manage/define.ts'
import { obtainCertificate } from '../src/manage/execute/obtain.ts'
import { createManager, type Manager, type ManagerOptions } from '../src/manage/manager.ts'
import type { Authority } from '../src/manage/spec.ts'
import { createSolver } from '../src/plugins/registry.ts'
import { nodeRuntime } from '../src/runtime/node/runtime.ts'
import { createCsr } from '../src/x509/csr.ts'
import { createSigner, generateKey, privateKeyPem } from '../src/x509/key.ts'
import type { Pebble } from '../test/support/pebble.ts'
import { tempDirectory } from '../test/support/temp-directory.ts'
import { type RawAccount, rawRegister, rawSession } from './raw-acme.ts'

/** Names of one certificate. */
export type Names = readonly string[]

/** A contender that is ready to begin; what it did to get ready is not measured. */
export type Session = AsyncDisposable & {
  /** Obtains a certificate for each list of names, at most `concurrency` at a time, and fails if one fails. */
  obtain(wanted: readonly Names[], concurrency: number): Promise<void>
}

export type Contender = {
  readonly name: string
  /** Prepares a session with one CA. Connections, nonces and the directory are its own and not there yet. */
  open(pebble: Pebble): Promise<Session>
}

/** Bench runs are limited as a whole. */
const signal = new AbortController().signal

/** Every contender; the first one is what the others are compared with. */
export function contenders(): readonly Contender[] {
  return [raw(2), library, product('product', true), product('product, no self-check', false), acmeClient]
}

/** Requests under way at once in the raw script: more need more nonces, and win nothing on one machine. */
function raw(width: number): Contender {
  return {
    name: 'raw script',
    open: async pebble => {
      const account = await accountFor(pebble)
      const responder = await startResponder(pebble.httpPort)
      const session = rawSession({ ...pebble, account, width })
      return {
        obtain: (wanted, concurrency) =>
          each(wanted, concurrency, names => session.obtain(names, responder.answer)),
        [Symbol.asyncDispose]: async () => {
          session.close()
          await responder[Symbol.asyncDispose]()
        },
      }
    },
  }
}

/** The client and `obtainCertificate`, as a program uses them. */
const library: Contender = {
  name: 'library',
  open: async pebble => {
    const { key, url } = await accountFor(pebble)
    const responder = await startResponder(pebble.httpPort)
    const runtime = nodeRuntime()
    const client = createAcmeClient(pebble, runtime)
    const account = { url: parseUrl(url), signer: createSigner(key) }
    const solver: Solver = {
      name: 'bench',
      type: 'http-01',
      refusal: () => undefined,
      provision: async ({ token, keyAuthorization }) => {
        responder.answer(token, keyAuthorization)
        return {}
      },
      present: async () => {},
      cleanUp: async () => {},
    }
    return {
      obtain: (wanted, concurrency) =>
        each(wanted, concurrency, async names => {
          const identifiers = names.map(parseIdentifier)
          const { order } = await client.newOrder(account, { identifiers }, { signal })
          const csr = createCsr(identifiers, await generateKey('ecdsa-p256'))
          await obtainCertificate(client, account, { order, csr, solver, selfCheck: false, signal }, runtime)
        }),
      [Symbol.asyncDispose]: () => responder[Symbol.asyncDispose](),
    }
  },
}

/** The manager with a state directory on the disk and a listener of its own, as `certwright apply` runs it. */
function product(name: string, selfCheck: boolean): Contender {
  return {
    name,
    open: async pebble => {
      await using opened = new AsyncDisposableStack()
      const { path } = opened.use(await tempDirectory())
      const authority: Authority = { ...knownAuthority(pebble), trustFile: pebble.trustFile }
      const options = { httpPort: pebble.httpPort, port: pebble.httpPort, hosts: ['127.0.0.1'], selfCheck }
      const solver = { name: 'http-01-standalone', options }
      // A manager that knows nothing but what is on the disk.
      const freshManager = (wanted: readonly Names[]): Manager => {
        const runtime = nodeRuntime({ dnsServers: [pebble.dnsServer] })
        const client = createAcmeClient(pebble, runtime)
        const made = createSolver(solver, runtime)
        const certificates = wanted.map(identifiers => defineCertificate({ identifiers, authority, solver }))
        const managerOptions: ManagerOptions = {
          state: join(path, 'state'),
          config: { account: { agreeToTerms: true, keyAlgorithm: 'ES256' }, certificates },
          clientFor: async () => client,
          solverFor: () => made,
          deployerFor: () => Promise.reject(new TypeError('there is no target')),
          onEvent: () => {},
        }
        return createManager(managerOptions, runtime)
      }
      await freshManager([]).account(authority, { signal })
      const all = opened.move()
      return {
        // The manager has a limit of its own.
        obtain: async wanted => {
          const results = await freshManager(wanted).apply({ signal })
          for (const { error, outcome } of results) {
            if (error !== undefined) throw error
            if (outcome !== 'issued') throw new Error(`nothing was issued: ${outcome}`)
          }
        },
        [Symbol.asyncDispose]: () => all.disposeAsync(),
      }
    },
  }
}

const trusted = new Set<string>()

/** The client that most Node programs use, with the same freedom: no self-check, looks as often, connections kept. */
const acmeClient: Contender = {
  name: 'acme-client',
  open: async pebble => {
    const { key, url } = await accountFor(pebble)
    const responder = await startResponder(pebble.httpPort)
    // It has one agent for all clients: sessions that are open at the same time share it.
    trusted.add(pebble.trustPem)
    const agent = new Agent({ keepAlive: true, ca: [...trusted] })
    acme.axios.defaults.httpsAgent = agent
    const client = new acme.Client({
      directoryUrl: pebble.directory,
      accountKey: privateKeyPem(key),
      accountUrl: url,
      backoffMin: 50,
      backoffMax: 5 * secondMs,
    })
    return {
      obtain: (wanted, concurrency) =>
        each(wanted, concurrency, async names => {
          const [, csr] = await acme.crypto.createCsr(
            { altNames: [...names] },
            await acme.crypto.createPrivateEcdsaKey('P-256'),
          )
          await client.auto({
            csr,
            termsOfServiceAgreed: true,
            skipChallengeVerification: true,
            challengePriority: ['http-01'],
            challengeCreateFn: async (_, { token }, content) => responder.answer(token, content),
            challengeRemoveFn: async () => {},
          })
        }),
      [Symbol.asyncDispose]: async () => {
        agent.destroy()
        await responder[Symbol.asyncDispose]()
      },
    }
  },
}

const accounts = new WeakMap<Pebble, Promise<RawAccount>>()

function accountFor(pebble: Pebble): Promise<RawAccount> {
  const account = accounts.get(pebble) ?? rawRegister(pebble)
  accounts.set(pebble, account)
  return account
}

function knownAuthority({ directory }: Pebble): Authority {
  const authority = resolveAuthority(directory)
  if ('problem' in authority) throw new Error(authority.problem)
  return authority
}

async function each(
  wanted: readonly Names[],
  concurrency: number,
  work: (names: Names) => Promise<unknown>,
): Promise<void> {
  const rest = [...wanted]
  const worker = async (): Promise<void> => {
    for (let names = rest.shift(); names !== undefined; names = rest.shift()) await work(names)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** A web server that answers challenges from memory. */
async function startResponder(
  port: number,
): Promise<AsyncDisposable & { readonly answer: (token: string, content: string) => void }> {
  const contents = new Map<string, string>()
  const server = createServer(({ url = '' }, response) => {
    response.end(contents.get(url.slice(url.lastIndexOf('/') + 1)))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    answer: (token, content) => void contents.set(token, content),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
