/** The nginx deployer and the real nginx. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { parseIdentifier } from '../../src/acme/identifier.ts'
import type { DeployableCertificate, Deployer, Endpoint } from '../../src/contracts/deployer.ts'
import { createNginxDeployer } from '../../src/plugins/deployers/nginx/nginx.ts'
import { nodeRuntime } from '../../src/runtime/node/runtime.ts'
import { makeServerCertificate } from '../support/https.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { freePorts } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { until } from '../support/wait.ts'

const signal = AbortSignal.timeout(120_000)
const runtime = nodeRuntime()
const skip = skipWithout('nginx', 'openssl')

/** A state directory in which `live/site` is a link to one of two generations. */
type State = {
  readonly certificate: DeployableCertificate
  switchTo(generation: '1' | '2'): Promise<void>
  fingerprint(generation: '1' | '2'): Promise<string>
}

async function makeState(directory: string): Promise<State> {
  const liveDirectory = join(directory, 'live', 'site')
  await mkdir(join(directory, 'live'), { recursive: true })
  for (const generation of ['1', '2']) {
    const place = join(directory, 'archive', 'site', generation)
    await mkdir(place, { recursive: true })
    const { certificateFile, keyFile } = await makeServerCertificate(place, ['a.test', '*.a.test'])
    await rename(certificateFile, join(place, 'fullchain.pem'))
    await rename(keyFile, join(place, 'privkey.pem'))
  }
  const switchTo = async (generation: string): Promise<void> => {
    await symlink(`../archive/site/${generation}`, `${liveDirectory}.new`)
    await rename(`${liveDirectory}.new`, liveDirectory)
  }
  await switchTo('1')
  const fingerprint = async (generation: string): Promise<string> => {
    const pem = await readFile(join(directory, 'archive', 'site', generation, 'fullchain.pem'), 'utf8')
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    return createHash('sha256').update(der).digest('hex')
  }
  return {
    certificate: {
      name: 'site',
      identifiers: ['a.test', '*.a.test'].map(parseIdentifier),
      liveDirectory,
      fingerprint: await fingerprint('2'),
    },
    switchTo,
    fingerprint,
  }
}

type Setting = {
  readonly nginx: Nginx
  readonly state: State
  readonly deployer: Deployer
  readonly site: string
}

/** An nginx with a block that uses the certificate, one with another name on the same socket, and a plain one. */
async function withNginx(
  use: (setting: Setting & { readonly ports: readonly number[] }) => Promise<void>,
): Promise<void> {
  await using temporary = await tempDirectory()
  const state = await makeState(temporary.path)
  const { certificateFile, keyFile } = await makeServerCertificate(temporary.path, ['b.test'])
  const ports = await freePorts(3)
  const [tls, proxied, plain] = ports
  const live = state.certificate.liveDirectory
  const site = `
    server { listen 127.0.0.1:${plain}; server_name a.test; return 301 https://$host$request_uri; }
    server { listen 127.0.0.1:${tls} ssl default_server; server_name b.test;
      ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; }
    server {
      listen 127.0.0.1:${tls} ssl;
      listen 127.0.0.1:${proxied} ssl proxy_protocol;
      server_name a.test # "the site
        *.a.test;
      ssl_certificate "${live}/fullchain.pem";
      ssl_certificate_key ${live}/privkey.pem;
    }`
  await using nginx = await startNginx({ serverBlocks: site })
  const deployer = createNginxDeployer({ config: nginx.configFile, prefix: nginx.directory }, runtime)
  await use({ nginx, state, deployer, site, ports })
}

async function servedAt(endpoint: Endpoint): Promise<string> {
  const { leaf } = await runtime.probeTls(endpoint, { signal })
  return createHash('sha256').update(leaf).digest('hex')
}

async function assertServed(endpoints: readonly Endpoint[], fingerprint: string): Promise<void> {
  for (const endpoint of endpoints) {
    await until(`the certificate at ${endpoint.host}:${endpoint.port} ${endpoint.serverName}`, async () =>
      (await servedAt(endpoint)) === fingerprint ? true : undefined,
    )
  }
}

test('endpoints are found, and after activation they show what the link leads to', { skip }, () =>
  withNginx(async ({ nginx, state, deployer, ports: [tls, proxied] }) => {
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'ready', JSON.stringify(inspection))
    const expected = [
      [tls, 'a.test', false],
      [tls, 'certwright-probe.a.test', false],
      [proxied, 'a.test', true],
      [proxied, 'certwright-probe.a.test', true],
    ]
    assert.deepEqual(
      inspection.endpoints.map(({ port, serverName, proxyProtocol }) => [port, serverName, proxyProtocol]),
      expected,
    )
    assert.deepEqual(
      [...new Set(inspection.endpoints.map(({ host, source }) => `${host} ${source}`))],
      [`127.0.0.1 ${nginx.siteFile}:6`, `127.0.0.1 ${nginx.siteFile}:7`],
    )
    assert.deepEqual(inspection.notes, [])
    await assertServed(inspection.endpoints, await state.fingerprint('1'))
    await state.switchTo('2')
    await deployer.activate({ signal })
    await assertServed(inspection.endpoints, await state.fingerprint('2'))
  }),
)

test('a configuration that is broken is left alone, and the old certificate stays', { skip }, () =>
  withNginx(async ({ nginx, state, deployer, site }) => {
    const before = await deployer.inspect(state.certificate, { signal })
    assert.ok(before.state === 'ready')
    await nginx.writeSite(`${site}\nserver { lisen 1; }`)
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'broken')
    assert.equal(inspection.error.code, 'ERR_DEPLOY_BROKEN_BEFORE')
    assert.match(inspection.error.message, /unknown directive "lisen" in \S+default\.conf:\d+$/)
    await state.switchTo('2')
    await assert.rejects(deployer.activate({ signal }), { code: 'ERR_DEPLOY', message: /lisen/ })
    await assertServed(before.endpoints, await state.fingerprint('1'))
  }),
)

test('a key that does not fit is refused by the test, not by the clients', { skip }, () =>
  withNginx(async ({ state, deployer }) => {
    const live = state.certificate.liveDirectory
    const key = await readFile(join(live, '../../archive/site/1/privkey.pem'))
    await writeFile(join(live, '../../archive/site/2/privkey.pem'), key)
    await state.switchTo('2')
    await assert.rejects(deployer.activate({ signal }), {
      code: 'ERR_DEPLOY',
      message: /key values mismatch/,
    })
  }),
)

test('files that are missing are named, with what to do', { skip }, () =>
  withNginx(async ({ state, deployer }) => {
    await rm(state.certificate.liveDirectory)
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'broken')
    assert.equal(inspection.error.code, 'ERR_DEPLOY_BROKEN_BEFORE')
    assert.match(inspection.error.message, /cannot load certificate .*live\/site\/fullchain\.pem/)
    assert.match(inspection.error.hint ?? '', /first certificate/)
  }),
)

test('blocks with another certificate get the lines that would change that', { skip }, () =>
  withNginx(async ({ nginx, state, deployer, site }) => {
    const live = state.certificate.liveDirectory
    await nginx.writeSite(site.replaceAll(`${live}/`, join(live, '../../archive/site/1/')))
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'unused')
    assert.equal(inspection.error.code, 'ERR_DEPLOY_UNUSED')
    const hint = inspection.error.hint ?? ''
    assert.match(
      hint,
      /default\.conf:10, replace \S+\/archive\/site\/1\/fullchain\.pem \(that file is never replaced/,
    )
    assert.ok(hint.includes(`ssl_certificate ${live}/fullchain.pem;`), hint)
    // The advice, followed, works.
    await nginx.writeSite(site)
    assert.equal((await deployer.inspect(state.certificate, { signal })).state, 'ready')
  }),
)

test('an nginx that does not run', { skip }, async (t: TestContext) => {
  await using temporary = await tempDirectory()
  const state = await makeState(temporary.path)
  const live = state.certificate.liveDirectory
  const [port] = await freePorts(1)
  const config = join(temporary.path, 'nginx.conf')
  const block = `server { listen 127.0.0.1:${port} ssl; server_name a.test;
    ssl_certificate ${live}/fullchain.pem; ssl_certificate_key ${live}/privkey.pem; }`
  await writeFile(config, `pid nginx.pid; error_log stderr; events {} http { access_log off; ${block} }`)
  const deployer = createNginxDeployer({ config, prefix: temporary.path }, runtime)
  await t.test('is seen before anything is done', async () => {
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'not-running', JSON.stringify(inspection))
    assert.match(inspection.error.message, /nginx is not running: \S+nginx\.pid holds no process id/)
  })
  await t.test('is seen by its stale pid file too, which may name another program', async () => {
    await writeFile(join(temporary.path, 'nginx.pid'), `${process.pid}\n`)
    const inspection = await deployer.inspect(state.certificate, { signal })
    assert.ok(inspection.state === 'not-running')
    assert.match(inspection.error.message, /another program/)
    await rm(join(temporary.path, 'nginx.pid'))
  })
  await t.test('cannot be reloaded', async () => {
    await assert.rejects(deployer.activate({ signal }), {
      code: 'ERR_DEPLOY',
      message: /nginx -s reload" failed/,
    })
  })
})

test('an nginx that is not installed', async () => {
  const deployer = createNginxDeployer({ program: 'nginx-that-is-not-there' }, runtime)
  const certificate = {
    name: 'site',
    identifiers: [parseIdentifier('a.test')],
    liveDirectory: '/nowhere/live/site',
    fingerprint: '00'.repeat(32),
  }
  const inspection = await deployer.inspect(certificate, { signal })
  assert.ok(inspection.state === 'broken')
  assert.equal(inspection.error.code, 'ERR_DEPLOY_BROKEN_BEFORE')
  assert.match(inspection.error.message, /there is no program nginx-that-is-not-there/)
})
