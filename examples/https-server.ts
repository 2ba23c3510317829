/**
 * An https server that gets its own certificate and replaces it while it runs.
 *
 * The server is a deploy target of the manager: the manager stores a certificate, asks the target to read it, and looks
 * at the port to see that it is served. `node examples/https-server.ts` uses an ACME CA that lives in this process.
 */
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// In a program of yours: 'certwright' and 'certwright/server'.
import {
  createAcmeClient,
  createManager,
  createSolver,
  type Deployer,
  defineCertificate,
  nodeRuntime,
} from '../src/index.ts'
import { createLocalIssuer, listenAcmeServer, loopbackNetworks } from '../src/server/index.ts'

const name = 'shop.example'
const httpPort = Number(process.argv[2] ?? 5081) // stands for port 80
const twiceADayMs = 12 * 60 * 60 * 1000
const runtime = nodeRuntime()
const signal = AbortSignal.timeout(60_000)
const state = await mkdtemp(join(tmpdir(), 'certwright-example-'))
const issuer = await createLocalIssuer({}, runtime)
const ca = await listenAcmeServer(
  {
    listen: { host: '127.0.0.1', port: 0 },
    issuer,
    validation: {
      httpPort,
      resolver: { addresses: async () => ['127.0.0.1'] },
      allowedNetworks: loopbackNetworks,
    },
  },
  runtime,
)
const client = createAcmeClient({ directory: ca.directoryUrl, trustPem: issuer.rootPem }, runtime)

// It listens at once; handshakes fail until the first certificate is there.
const server = createServer((_, reply) => reply.end('hello\n'))
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = server.address() as AddressInfo

let directory = ''
const self: Deployer = {
  name: 'this server',
  inspect: async ({ liveDirectory }) => {
    directory = liveDirectory
    const endpoint = { host: '127.0.0.1', port, serverName: name, source: 'examples/https-server.ts' }
    return { state: 'ready', endpoints: [endpoint], notes: [] }
  },
  activate: async () => {
    const combined = await readFile(join(directory, 'combined.pem')) // key and chain of one generation
    server.setSecureContext({ cert: combined, key: combined })
  },
}
const manager = createManager(
  {
    state,
    config: {
      account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
      certificates: [
        defineCertificate({
          identifiers: [name],
          authority: { id: 'my-ca', directory: ca.directoryUrl },
          solver: {
            name: 'http-01-standalone',
            options: { port: httpPort, hosts: ['127.0.0.1'], httpPort, selfCheck: false },
          },
          deploy: [{ name: 'self', options: {} }],
        }),
      ],
    },
    clientFor: async () => client,
    solverFor: choice => createSolver(choice, runtime),
    deployerFor: async () => self,
    onEvent: () => {},
  },
  runtime,
)

async function keepGood(force: readonly string[] = []): Promise<void> {
  for (const { outcome, certificate, targets, error } of await manager.apply({ force, signal })) {
    console.log(`${outcome}: serial number ${certificate?.serialNumber ?? 'none'}`)
    for (const { endpoint, fingerprint, failure } of targets.flatMap(({ endpoints }) => endpoints)) {
      console.log(`  port ${endpoint.port} serves ${fingerprint ?? failure}`)
    }
    if (error !== undefined) console.error(`${error.code}: ${error.message}`)
  }
}

await keepGood() // at the start: the first certificate
const timer = setInterval(() => void keepGood().catch(console.error), twiceADayMs) // renews what is due
await keepGood([name]) // as if it were due now: another certificate, no restart

clearInterval(timer)
server.close()
await ca[Symbol.asyncDispose]()
await rm(state, { recursive: true })
