/** The webroot solver and its self-check in front of the real nginx. */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { createWebrootSolver } from '../../src/plugins/solvers/http-01-webroot.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { fakeResolver } from '../../src/testing/fake-network.ts'
import { makeServerCertificate } from '../support/https.ts'
import { startNginx } from '../support/nginx.ts'
import { freePorts } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const signal = AbortSignal.timeout(60_000)
const token = 'x'.repeat(43)
const challenge = {
  identifier: parseIdentifier('a.test'),
  token,
  keyAuthorization: `${token}.kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k`,
}

test('what is wrong with a server is seen and explained', {
  skip: skipWithout('nginx', 'openssl'),
}, async t => {
  await using temporary = await tempDirectory()
  const webroot = join(temporary.path, 'webroot')
  await mkdir(webroot)
  const certificate = await makeServerCertificate(temporary.path, ['a.test'])
  const [port = 0, tlsPort = 0] = await freePorts(2)
  const runtime = { ...nodeRuntime(), resolver: fakeResolver({ 'a.test': ['127.0.0.1'] }) }
  const solver = createWebrootSolver({ webroot, httpPort: port }, runtime)

  const block = (rest: string): string => `server { listen 127.0.0.1:${port}; server_name a.test; ${rest} }`
  const tlsBlock = `server { listen 127.0.0.1:${tlsPort} ssl; root ${webroot};
    ssl_certificate ${certificate.certificateFile}; ssl_certificate_key ${certificate.keyFile}; }`
  const cases = [
    { name: 'the right root', rest: `root ${webroot};`, outcome: 'visible' },
    {
      name: 'a wrong root',
      rest: 'root /var/empty;',
      outcome: 'wrong',
      text: /answers 404 \(the server is nginx\/[\d.]+\)/,
      hint: /nginx does not look in \S+\/webroot .*certwright tls snippet nginx --challenge --webroot/,
    },
    {
      name: 'everything is sent to another host',
      rest: 'return 301 https://nowhere.test$request_uri;',
      outcome: 'wrong',
      text: /redirects to nowhere\.test, which has no address/,
      hint: /exempt \/\.well-known\/acme-challenge\/ from redirects/,
    },
    {
      name: 'everything is sent to HTTPS with a certificate that nobody trusts',
      rest: `return 301 https://$host:${tlsPort}$request_uri;`,
      outcome: 'unknown',
      text: /does not show a trusted certificate; the CA follows/,
    },
    {
      name: 'a redirect to where the file is',
      rest: `root ${webroot}; rewrite ^/\\.well-known/acme-challenge/(.*)$ /moved/$1 redirect;
        location /moved/ { alias ${webroot}/.well-known/acme-challenge/; }`,
      outcome: 'visible',
    },
    {
      name: 'deny all',
      rest: `root ${webroot}; deny all;`,
      outcome: 'wrong',
      text: /refuses access \(403\)/,
      hint: /from access rules/,
    },
    {
      name: 'a password',
      rest: `root ${webroot}; auth_basic x; auth_basic_user_file /dev/null;`,
      outcome: 'wrong',
      text: /refuses access \(401\)/,
      hint: /from access rules/,
    },
    {
      name: 'an application that answers everything',
      rest: 'location / { default_type text/html; return 200 "<!doctype html><title>Welcome</title>"; }',
      outcome: 'wrong',
      text: /answers with a web page/,
      hint: /from what the application answers/,
    },
    {
      name: 'a server that closes the connection',
      rest: 'return 444;',
      outcome: 'unknown',
      text: /^http:\S+ at 127\.0\.0\.1 cannot be reached: the connection broke/,
    },
  ] as const

  await using nginx = await startNginx({ serverBlocks: block('') })
  const provision = await solver.provision(challenge)
  await solver.present(provision, { signal })
  for (const { name, rest, outcome, ...expected } of cases) {
    await t.test(`${name}: ${outcome}`, async () => {
      await nginx.writeSite(`${block(rest)}\n${tlsBlock}`)
      await nginx.reload()
      const result = await solver.selfCheck?.(challenge, { signal })
      assert.equal(result?.outcome, outcome, JSON.stringify(result))
      if ('text' in expected) assert.match(result && 'text' in result ? result.text : '', expected.text)
      if ('hint' in expected) assert.match(result && 'hint' in result ? result.hint : '', expected.hint)
    })
  }
  await solver.cleanUp(provision, { signal })
})
