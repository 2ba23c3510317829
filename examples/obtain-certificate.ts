/**
 * One certificate, step by step: the ACME client and a solver of one's own.
 *
 * `node examples/obtain-certificate.ts` asks an ACME CA that lives in this process. For another CA, give its directory
 * to `createAcmeClient` and let the solver answer on port 80 of the name.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// In a program of yours: 'certwright', 'certwright/acme', 'certwright/server', 'certwright/x509'.
import { http01Path, parseIdentifier } from '../src/acme/index.ts'
import {
  checkCertificate,
  createAcmeClient,
  nodeRuntime,
  obtainCertificate,
  type Provision,
  type Solver,
} from '../src/index.ts'
import { createLocalIssuer, listenAcmeServer, loopbackNetworks } from '../src/server/index.ts'
import { createCsr, createSigner, encodePem, generateAccountKey, generateKey } from '../src/x509/index.ts'

const identifiers = ['shop.example', 'www.shop.example'].map(parseIdentifier)
const runtime = nodeRuntime()
const signal = AbortSignal.timeout(60_000)

// A web server that answers challenges from memory, by the path that the CA asks for.
const answers = new Map<string, string>()
const web = createServer(({ url = '' }, reply) => {
  const answer = answers.get(url)
  reply.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(answer)
})
await once(web.listen(0, '127.0.0.1'), 'listening')

const solver: Solver = {
  name: 'memory',
  type: 'http-01',
  refusal: ({ value }) => (value.startsWith('*.') ? 'http-01 cannot prove a wildcard' : undefined),
  provision: async ({ token, keyAuthorization }) => ({ path: http01Path(token), keyAuthorization }),
  present: async provision => {
    const { path, keyAuthorization } = readProvision(provision)
    answers.set(path, keyAuthorization)
  },
  cleanUp: async provision => {
    answers.delete(readProvision(provision).path)
  },
}

// A provision is JSON that may come back from a journal in a later process: it is read, not trusted.
function readProvision({ path, keyAuthorization }: Provision) {
  if (typeof path !== 'string' || typeof keyAuthorization !== 'string') {
    throw new TypeError('this is not a provision of the solver in memory')
  }
  return { path, keyAuthorization }
}

// A CA to try it with. For it, every name leads to this machine and port 80 is the web server above.
const issuer = await createLocalIssuer({}, runtime)
const ca = await listenAcmeServer(
  {
    listen: { host: '127.0.0.1', port: 0 },
    issuer,
    validation: {
      httpPort: (web.address() as AddressInfo).port,
      resolver: { addresses: async () => ['127.0.0.1'] },
      allowedNetworks: loopbackNetworks,
    },
  },
  runtime,
)

const client = createAcmeClient({ directory: ca.directoryUrl, trustPem: issuer.rootPem }, runtime)

// Store the account key before it is registered, and the certificate key before the order is finalized.
const signer = createSigner(await generateAccountKey('ES256'))
const { account } = await client.newAccount(
  { signer, contact: ['mailto:admin@shop.example'], termsOfServiceAgreed: true },
  { signal },
)
const accountKey = { url: account.url, signer }

const key = await generateKey('ecdsa-p256')
const { order } = await client.newOrder(accountKey, { identifiers }, { signal })
const chain = await obtainCertificate(
  client,
  accountKey,
  {
    order,
    csr: createCsr(identifiers, key),
    solver,
    selfCheck: false,
    onStep: (step, text) => console.log(`${step}: ${text}`),
    signal,
  },
  runtime,
)

// What a CA sends is checked before it is used: our key, our names, valid now, a chain that holds.
const leaf = checkCertificate(chain, { key, identifiers, roots: [issuer.root], now: runtime.clock.now() })
console.log(`${leaf.issuer} certified ${leaf.identifiers.map(({ value }) => value).join(', ')}`)
console.log(chain.map(der => encodePem('CERTIFICATE', der)).join(''))

await ca[Symbol.asyncDispose]()
web.close()
