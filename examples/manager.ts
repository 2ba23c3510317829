/**
 * The manager with a directory: certificates that are wanted, a state directory, and `apply`, run as often as you like.
 *
 * `node examples/manager.ts` uses an ACME CA that lives in this process and a temporary directory. For a real CA:
 * `resolveAuthority('letsencrypt')`, a client for its directory, and port 80.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// In a program of yours: 'certwright' and 'certwright/server'.
import {
  createAcmeClient,
  createDeployer,
  createManager,
  createSolver,
  defineCertificate,
  nodeRuntime,
} from '../src/index.ts'
import { createLocalIssuer, listenAcmeServer, loopbackNetworks } from '../src/server/index.ts'

const httpPort = Number(process.argv[2] ?? 5080) // stands for port 80
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

// The same choices as in the configuration file: a solver and targets by name, with their options.
const certificate = defineCertificate({
  identifiers: ['shop.example', 'www.shop.example'],
  authority: { id: 'my-ca', directory: ca.directoryUrl },
  solver: {
    name: 'http-01-standalone',
    options: { port: httpPort, hosts: ['127.0.0.1'], httpPort, selfCheck: false },
  },
})
const manager = createManager(
  {
    state,
    config: { account: { agreeToTerms: true, keyAlgorithm: 'ES256' }, certificates: [certificate] },
    clientFor: async () => client,
    solverFor: choice => createSolver(choice, runtime),
    deployerFor: target => createDeployer(target, runtime),
    onEvent: ({ step, text }) => console.log(`  ${step}: ${text}`),
  },
  runtime,
)

for (const _ of ['the first time', 'the second time']) {
  const [action] = (await manager.plan({ signal })).actions
  console.log(`plan: ${action?.kind} (${action?.reason.text})`)
  const [result] = await manager.apply({ signal })
  console.log(`apply: ${result?.outcome}${result?.error === undefined ? '' : `, ${result.error.message}`}`)
}
console.log('files:', (await readdir(join(state, 'live', certificate.name))).join(' '))

await ca[Symbol.asyncDispose]()
await rm(state, { recursive: true })
