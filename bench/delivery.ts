/**
 * From "the certificate is stored" to "it is seen on the wire", for nginx; beside a bare link, `nginx -t` and reload by hand.
 *
 * A third party looks at the endpoint all the time, so that it counts when the certificate is really there, and not when we say
 * so. How long we need until we say so is shown as well.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { connect } from 'node:tls'
import { parseIdentifier } from '../src/acme/identifier.ts'
import { deployTogether } from '../src/manage/execute/deploy.ts'
import { observeCertificate } from '../src/manage/observe/observe.ts'
import { type CertificateSpec, defaultSpecName } from '../src/manage/spec.ts'
import { liveGeneration, switchLive } from '../src/manage/store/generations.ts'
import type { StoredCertificate } from '../src/manage/store/stored-certificate.ts'
import { createDeployer } from '../src/plugins/registry.ts'
import { nodeRuntime } from '../src/runtime/node/runtime.ts'
import { startNginx } from '../test/support/nginx.ts'
import { freePort } from '../test/support/ports.ts'
import { requireProgram, runProgram } from '../test/support/programs.ts'
import { storeCertificates } from '../test/support/stored-state.ts'
import { tempDirectory } from '../test/support/temp-directory.ts'
import { median, printReport, readOptions, round } from './report.ts'

const maxMs = 300
const defaultRuns = 11
/** nginx lets old and new workers accept side by side for 100 ms. */
const changeOverMs = 300
const site = 'www.example.com'
const identifiers = [parseIdentifier(site)] as const
const name = defaultSpecName(identifiers[0])

const options = readOptions(defaultRuns)
const runtime = nodeRuntime()
const { signal } = new AbortController()
await using directory = await tempDirectory()
const state = join(directory.path, 'state')
const port = await freePort()
const stored = [await storeOne(), await storeOne()] as const
await using nginx = await startNginx({
  serverBlocks: `server {
  listen 127.0.0.1:${port} ssl;
  server_name ${site};
  ssl_certificate ${state}/live/${site}/fullchain.pem;
  ssl_certificate_key ${state}/live/${site}/privkey.pem;
}`,
})

const target = { name: 'nginx', options: { config: nginx.configFile, prefix: `${nginx.directory}/` } }
const spec = { name, identifiers, keyType: 'ecdsa-p256', deploy: [target] } as unknown as CertificateSpec // nothing else of it is used

/** What each does with a generation that is stored; resolves when it says that it is done. */
const contenders: Readonly<Record<string, (index: 0 | 1) => Promise<void>>> = {
  'link, nginx -t, reload': async index => {
    await switchLive(state, name, stored[index].generation, runtime)
    const where = ['-p', `${nginx.directory}/`, '-c', nginx.configFile]
    for (const args of [['-t'], ['-s', 'reload']]) {
      const { exitCode, stderr } = await runProgram(requireProgram('nginx'), [...where, ...args])
      if (exitCode !== 0) throw new Error(stderr)
    }
  },
  certwright: async index => {
    const certificate = stored[index]
    const [[result] = []] = await deployTogether(
      state,
      [{ spec, certificate, previous: await liveGeneration(state, name, runtime) }],
      { deployerFor: one => createDeployer(one, runtime), onEvent: () => {}, signal },
      runtime,
    )
    if (result?.error !== undefined) throw result.error
  },
}

const seen = new Map(Object.keys(contenders).map(name => [name, [] as number[]]))
const said = new Map(Object.keys(contenders).map(name => [name, [] as number[]]))
let next: 0 | 1 = 0
for (let round = -1; round < options.runs; round += 1) {
  for (const [name, deliver] of Object.entries(contenders)) {
    const start = performance.now()
    const onTheWire = untilServed(stored[next].fingerprint).then(() => performance.now() - start)
    await deliver(next)
    const saidMs = performance.now() - start
    const seenMs = await onTheWire
    next = next === 0 ? 1 : 0
    await runtime.clock.sleep(changeOverMs)
    if (round < 0) continue // it warms up
    seen.get(name)?.push(seenMs)
    said.get(name)?.push(saidMs)
  }
}

const results = Object.keys(contenders).map(name => ({
  name,
  seenMs: median(seen.get(name) ?? []),
  saidMs: median(said.get(name) ?? []),
}))
const ours = results.find(({ name }) => name === 'certwright')
printReport(
  {
    tables: [
      [
        ['CONTENDER', 'SEEN AFTER', 'SAID AFTER'],
        ...results.map(({ name, seenMs, saidMs }) => [name, `${round(seenMs)} ms`, `${round(saidMs)} ms`]),
      ],
    ],
    targets: [{ name: 'ms from stored to seen', measured: ours?.seenMs ?? Number.NaN, limit: maxMs }],
    facts: { results },
  },
  options,
)

/** Stores one more certificate for the site, which is live then. */
async function storeOne(): Promise<StoredCertificate> {
  await storeCertificates(state, [site], runtime.clock.now())
  const { live } = await observeCertificate(state, name, runtime)
  if (live === undefined) throw new Error('nothing was stored')
  return live
}

async function untilServed(fingerprint: string): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, servername: site, rejectUnauthorized: false })
    try {
      await once(socket, 'secureConnect')
      const leaf = socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)
      if (createHash('sha256').update(leaf).digest('hex') === fingerprint) return
    } finally {
      socket.destroy()
    }
  }
}
