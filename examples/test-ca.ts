/**
 * An ACME CA for the tests of your own program: in the same process, on loopback, gone when it is disposed of.
 *
 * `node examples/test-ca.ts` starts one, uses it, and shows the two things that tests need of a CA: an ACME endpoint for
 * any client, and certificates for test servers without ACME.
 */
import { once } from 'node:events'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
// In a program of yours: 'certwright/acme' and 'certwright/server'.
import { parseIdentifier } from '../src/acme/index.ts'
import {
  createLocalIssuer,
  issueServerCertificate,
  listenAcmeServer,
  loopbackNetworks,
  nodeRuntime,
} from '../src/server/index.ts'

const runtime = nodeRuntime()
const issuer = await createLocalIssuer({ rootName: 'My tests' }, runtime)

// 1. An ACME endpoint. It looks for http-01 on port 5002 of this machine, whatever the name, and refuses one nonce in
// five, as real CAs sometimes do: a client must survive that.
const ca = await listenAcmeServer(
  {
    listen: { host: '127.0.0.1', port: 0 },
    issuer,
    rejectNonces: 0.2,
    validation: {
      httpPort: 5002,
      resolver: { addresses: async () => ['127.0.0.1'] },
      allowedNetworks: loopbackNetworks,
    },
  },
  runtime,
)
console.log(`directory: ${ca.directoryUrl}`)
// Clients must trust its root: `ca` of node:https, `trustPem` of createAcmeClient, a file for NODE_EXTRA_CA_CERTS.
const directory: unknown = JSON.parse(await fetchText(ca.directoryUrl))
console.log('resources:', Object.keys(directory as object).join(', '))

// 2. A certificate for a TLS server in a test, straight from the issuer.
const { certificatePem, keyPem } = await issueServerCertificate(
  issuer,
  { identifiers: [{ type: 'dns', value: 'localhost' }, parseIdentifier('127.0.0.1')], lifetimeMs: 3_600_000 },
  runtime,
)
const server = createServer({ cert: certificatePem, key: keyPem }, (_, reply) => reply.end('hello'))
await once(server.listen(0, '127.0.0.1'), 'listening')
console.log(await fetchText(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`))
server.close()
await ca[Symbol.asyncDispose]()

async function fetchText(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  get(url, { ca: issuer.rootPem, agent: false }, reply => {
    reply
      .setEncoding('utf8')
      .toArray()
      .then(parts => resolve(parts.join('')), reject)
  }).once('error', reject)
  return promise
}
