/** A machine in memory that can be killed at any file-system call, its CA, and its web server. */
import type { Identifier } from '../../src/acme/identifier.ts'
import { AppError } from '../../src/base/errors.ts'
import { createAcmeClient } from '../../src/client/client.ts'
import type { Deployer } from '../../src/contracts/deployer.ts'
import type { ApplyResult } from '../../src/manage/apply-result.ts'
import { createManager } from '../../src/manage/manager.ts'
import { type CertificateSpec, defaultSpecName } from '../../src/manage/spec.ts'
import { livePath } from '../../src/manage/store/paths.ts'
import { createSolver } from '../../src/plugins/registry.ts'
import type { FsOps } from '../../src/runtime/files.ts'
import type { HttpReply, HttpRequest } from '../../src/runtime/http.ts'
import { createAcmeServer, createLocalIssuer } from '../../src/server/index.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { fakeHttp, fakeResolver, textReply } from '../../src/testing/fake-network.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { faultyFiles } from '../../src/testing/faulty-files.ts'
import { memoryFiles } from '../../src/testing/memory-files.ts'
import { memoryWebroot } from '../../src/testing/memory-webroot.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { parsePem } from '../../src/x509/pem.ts'

export const state = '/var/lib/certwright'
export const webroot = '/var/www'
const caUrl = 'https://ca.example'

/** Where a process dies: at its nth call of the disk, before or after the call took effect. */
export type Death = { readonly call: number; readonly when: 'before' | 'after' }

export type Machine = {
  readonly spec: CertificateSpec
  /** The disk, which outlives processes. */
  readonly files: FsOps
  /** Certificates the CA has issued. */
  readonly issued: () => number
  /** Orders the CA has accepted. */
  readonly ordered: () => number
  /** Fingerprint of what the web server has loaded. */
  readonly served: () => string | undefined
  /** Runs one process; returns its result, or `died`, and how many calls of the disk it made. */
  run(options?: {
    readonly force?: boolean
    readonly death?: Death
  }): Promise<{ readonly result: ApplyResult | 'died'; readonly calls: number }>
}

/** A new machine with an empty state directory. */
export async function createMachine(names: readonly string[] = ['a.example', 'b.example']): Promise<Machine> {
  const clock = fakeClock({ autoAdvance: true })
  const disk = memoryFiles({ clock })
  await disk.makeDirectory(webroot, 0o755)
  const identifiers: readonly Identifier[] = names.map(value => ({ type: 'dns', value }))
  const [first] = identifiers
  if (first === undefined) throw new TypeError('a machine needs a name')
  const spec: CertificateSpec = {
    name: defaultSpecName(first),
    identifiers,
    keyType: 'ecdsa-p256',
    reuseKey: false,
    authority: { id: 'ca', directory: `${caUrl}/directory` },
    solvers: [{ name: 'http-01-webroot', options: { webroot, selfCheck: true } }],
    fallbacks: [],
    renew: { windows: [] },
    deploy: [{ name: 'web', options: {} }],
    source: 'test',
  }
  let issued = 0
  let ordered = 0
  const issuer = await createLocalIssuer({}, { clock })
  const resolver = fakeResolver(Object.fromEntries(names.map(name => [name, ['127.0.0.1']])))
  // Port 80 of the web server: files of the webroot, read from the disk itself, which no process can break.
  const webServer = fakeHttp(async url => {
    const content = await disk.read(webroot + new URL(url).pathname)
    return content === undefined
      ? textReply(404, 'not here')
      : textReply(200, new TextDecoder().decode(content))
  })
  const server = createAcmeServer(
    {
      baseUrl: caUrl,
      issuer: {
        ...issuer,
        issue: (request, options) => {
          issued++
          return issuer.issue(request, options)
        },
      },
      validation: { allowedNetworks: ['127.0.0.0/8'] },
    },
    { clock, http: webServer, resolver },
  )
  let loaded: Uint8Array | undefined
  const deployer: Deployer = {
    name: 'web',
    inspect: async () => ({
      state: 'ready',
      endpoints: [{ host: '127.0.0.1', port: 443, serverName: first.value, source: 'web.conf:1' }],
      notes: [],
    }),
    // The server reads for itself: the death of a Certwright process does not stop it.
    activate: async () => {
      const content = await disk.read(`${livePath(state, spec.name)}/fullchain.pem`)
      if (content === undefined) throw new AppError('ERR_DEPLOY', 'there is no certificate to load')
      loaded = parsePem(new TextDecoder().decode(content), 'CERTIFICATE')[0]
    },
  }

  return {
    spec,
    files: disk,
    issued: () => issued,
    ordered: () => ordered,
    served: () => (loaded === undefined ? undefined : parseCertificate(loaded).fingerprint),
    async run({ force = false, death } = {}) {
      let dead = false
      const files = faultyFiles(disk)
      const start = files.calls.length
      files.setFaults(call => {
        if (dead) return { code: 'EIO' }
        if (death === undefined || call.number < start + death.call) return undefined
        dead = true
        return { code: 'EIO', when: death.when }
      })
      const alive = <T>(work: () => Promise<T>): Promise<T> => {
        if (dead) throw new AppError('ERR_NETWORK', 'this process is dead')
        return work()
      }
      const http = fakeHttp((url, request) =>
        alive(() => {
          if (new URL(url).pathname.endsWith('/new-order')) ordered++
          return url.startsWith(caUrl) ? askServer(server, url, request) : webServer(url, request)
        }),
      )
      const runtime = fakeRuntime(
        {
          clock,
          files,
          webrootFiles: memoryWebroot(files),
          http,
          resolver,
          probeTls: async () => {
            if (loaded === undefined) throw new AppError('ERR_NETWORK', 'nothing listens there')
            return { leaf: loaded, chain: [loaded], protocol: 'TLSv1.3' }
          },
        },
        {},
      )
      const client = createAcmeClient({ directory: server.directoryUrl }, runtime)
      const manager = createManager(
        {
          state,
          config: { account: { agreeToTerms: true, keyAlgorithm: 'ES256' }, certificates: [spec] },
          clientFor: async () => client,
          solverFor: choice => createSolver(choice, runtime),
          deployerFor: async () => ({
            ...deployer,
            activate: options => alive(() => deployer.activate(options)),
          }),
          onEvent: () => {},
        },
        runtime,
      )
      const { signal } = new AbortController()
      const results = await manager
        .apply({ force: force ? [spec.name] : [], signal })
        .catch((error: unknown) => {
          if (dead) return []
          throw error
        })
      const calls = files.calls.length - start
      const [result] = results
      return { result: dead || result === undefined ? 'died' : result, calls }
    },
  }
}

async function askServer(
  server: { fetch(request: Request): Promise<Response> },
  url: string,
  { method, headers = {}, body }: HttpRequest,
): Promise<HttpReply> {
  const reply = await server.fetch(new Request(url, { method, headers, ...(body !== undefined && { body }) }))
  return {
    status: reply.status,
    headers: new Map([...reply.headers].map(([name, value]) => [name.toLowerCase(), value])),
    body: new Uint8Array(await reply.arrayBuffer()),
  }
}
