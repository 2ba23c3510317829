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
import type { SolverChoice } from '../src/manage/spec.ts'
import { createSolver } from '../src/plugins/registry.ts'
import { nodeRuntime } from '../src/runtime/node/runtime.ts'
import type { Runtime } from '../src/runtime/runtime.ts'
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
  readonly obtain: (wanted: readonly Names[], concurrency: number) => Promise<void>
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
  return [raw, library, manager, product, acmeClient]
}

/** Requests of one order under way at once in the raw script. Four take 5 % less time, and two nonces more. */
const rawWidth = 2

const raw: Contender = {
  name: 'raw script',
  open: async pebble => {
    const account = await accountFor(pebble)
    const responder = await startResponder(pebble.httpPort)
    const session = rawSession({ ...pebble, account, width: rawWidth })
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

/** The client and `obtainCertificate`, as a program uses them. */
const library: Contender = {
  name: 'library',
  open: async pebble => {
    const { key, url } = await accountFor(pebble)
    const responder = await startResponder(pebble.httpPort)
    const runtime = nodeRuntime()
    const client = createAcmeClient(pebble, runtime)
    const account = { url: parseUrl(url), signer: createSigner(key) }
    const solver = memorySolver(responder)
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

/** The manager with locks, journal and store on the disk: everything of `apply` but the web server. */
const manager: Contender = {
  name: 'manager',
  open: async pebble => {
    await using opened = new AsyncDisposableStack()
    const solver = memorySolver(opened.use(await startResponder(pebble.httpPort)))
    const choice = { name: solver.name, options: { selfCheck: false } }
    const { obtain } = opened.use(await openManaged(pebble, choice, async () => solver))
    const all = opened.move()
    return { obtain, [Symbol.asyncDispose]: () => all.disposeAsync() }
  },
}

/** The manager as `certwright apply` runs it: a listener of its own for each certificate, and a look at it first. */
const product: Contender = {
  name: 'apply',
  open: pebble => {
    const { httpPort } = pebble
    const options = { httpPort, port: httpPort, hosts: ['127.0.0.1'] }
    const choice = { name: 'http-01-standalone', options }
    return openManaged(pebble, choice, runtime => createSolver(choice, runtime))
  },
}

/** A session that begins with nothing but what is on the disk: an account, once it is open. */
async function openManaged(
  pebble: Pebble,
  solver: SolverChoice,
  makeSolver: (runtime: Runtime) => Promise<Solver>,
): Promise<Session> {
  await using opened = new AsyncDisposableStack()
  const { path } = opened.use(await tempDirectory())
  const authority = resolveAuthority(pebble.directory, { trustFile: pebble.trustFile })
  if ('problem' in authority) throw new Error(authority.problem)
  const manage = (wanted: readonly Names[]): Manager => {
    const runtime = nodeRuntime({ dnsServers: [pebble.dnsServer] })
    const client = createAcmeClient(pebble, runtime)
    const made = makeSolver(runtime)
    const options: ManagerOptions = {
      state: join(path, 'state'),
      config: {
        account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
        certificates: wanted.map(identifiers => defineCertificate({ identifiers, authority, solver })),
      },
      clientFor: async () => client,
      solverFor: () => made,
      deployerFor: () => Promise.reject(new TypeError('there is no target')),
      onEvent: () => {},
    }
    return createManager(options, runtime)
  }
  await manage([]).account(authority, { signal })
  const all = opened.move()
  return {
    // The manager has a limit of its own: eight at a time.
    obtain: async wanted => {
      for (const { error, outcome } of await manage(wanted).apply({ signal })) {
        if (error !== undefined) throw error
        if (outcome !== 'issued') throw new Error(`nothing was issued: ${outcome}`)
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

const trusted = new Set<string>()

/** The client that most Node programs use, with the same freedom: no self-check, connections kept. */
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
      backoffMin: 50, // it looks at every challenge: with less it asks more and takes longer
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

type Responder = AsyncDisposable & { readonly answer: (token: string, content: string) => void }

/** Puts the responses where the other contenders put theirs. */
function memorySolver({ answer }: Responder): Solver {
  return {
    name: 'memory',
    type: 'http-01',
    refusal: () => undefined,
    provision: async ({ token, keyAuthorization }) => {
      answer(token, keyAuthorization)
      return {}
    },
    present: async () => {},
    cleanUp: async () => {},
  }
}

/** A web server that answers challenges from memory. */
async function startResponder(port: number): Promise<Responder> {
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
