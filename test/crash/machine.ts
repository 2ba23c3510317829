/**
 * A machine in memory: a disk, a web server, the CAs that it asks, and processes of Certwright that can be killed at any
 * change that they make to any of these.
 */
import type { Identifier } from '../../src/acme/identifier.ts'
import { AppError } from '../../src/base/errors.ts'
import type { CommandContext } from '../../src/cli/command.ts'
import { createAcmeClient } from '../../src/client/client.ts'
import type { Deployer } from '../../src/contracts/deployer.ts'
import { createManager, type Manager } from '../../src/manage/manager.ts'
import { type CertificateSpec, defaultSpecName } from '../../src/manage/spec.ts'
import { livePath } from '../../src/manage/store/paths.ts'
import { createFilesDeployer } from '../../src/plugins/deployers/files/files.ts'
import { createSolver } from '../../src/plugins/registry.ts'
import type { FsOps } from '../../src/runtime/files.ts'
import type { HttpExchange } from '../../src/runtime/http.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { fakeExec, fakeResolver, textReply } from '../../src/testing/fake-network.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { type MemoryFiles, memoryFiles } from '../../src/testing/memory-files.ts'
import { memoryTargetFiles } from '../../src/testing/memory-target-files.ts'
import { memoryWebroot } from '../../src/testing/memory-webroot.ts'
import { piecewiseFiles } from '../../src/testing/piecewise-files.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { parsePem } from '../../src/x509/pem.ts'
import { type Ca, createCa } from './ca.ts'
import { type Fate, type Life, startLife } from './life.ts'

export const state = '/var/lib/certwright'
export const webroot = '/var/www'
const configFile = '/etc/certwright/certwright.yaml'
/** Where the server reads that reads copies. */
const copies = '/srv/tls'

export type MachineOptions = {
  readonly names?: readonly string[]
  /** A CA that takes orders and never issues comes first, and the good one is the fallback. */
  readonly fallback?: boolean
  /** The server reads copies, and not `live/`. */
  readonly copies?: boolean
  readonly reuseKey?: boolean
}

/** What a process does, and what came of it. */
export type Run<T> = {
  /** Absent where it was killed. */
  readonly result: T | undefined
  readonly died: boolean
  readonly calls: number
  readonly changes: readonly string[]
}

/** A process, from the inside. */
export type Process = {
  readonly manager: Manager
  /** What commands work with; their configuration has the same certificate, and no target. */
  readonly context: CommandContext
}

export type Machine = {
  readonly spec: CertificateSpec
  readonly clock: FakeClock
  /** The disk, which outlives processes. */
  readonly disk: MemoryFiles
  /** The CA that issues. */
  readonly ca: Ca
  /** All CAs, the first choice first. */
  readonly cas: readonly Ca[]
  readonly server: WebServer
  /** Programs that were run after a delivery: the fingerprint that each was told. */
  readonly hooked: readonly string[]
  /** Runs a process to its end, or to its death. What it throws is thrown. */
  run<T>(work: (process: Process) => Promise<T>, fate?: Fate): Promise<Run<T>>
  /** The power comes back: the web server starts with what it finds, and challenge files are empty or gone. */
  reboot(): Promise<void>
}

type WebServer = {
  /** SHA-256 of the leaf that it serves. */
  readonly served: () => string | undefined
  /** While it is stuck it goes on with what it has, whatever it is told. */
  setStuck(isStuck: boolean): void
}

/** A new machine with an empty state directory. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  const { names = ['a.example', 'b.example'] } = options
  const clock = fakeClock({ autoAdvance: true })
  const disk = memoryFiles({ clock })
  await disk.makeDirectory(webroot, 0o755)
  await disk.makeDirectory('/srv', 0o755)
  await disk.put(configFile, configText(names))
  const resolver = fakeResolver(Object.fromEntries(names.map(name => [name, ['127.0.0.1']])))
  // Port 80 of the web server, which reads for itself: the death of a Certwright process does not stop it.
  const web: HttpExchange = async url => {
    const content = await disk.read(webroot + new URL(url).pathname)
    return content === undefined
      ? textReply(404, 'not here')
      : textReply(200, Buffer.from(content).toString())
  }
  const ca = createCa({ name: 'ca', clock, resolver, web })
  const broken = options.fallback
    ? createCa({ name: 'broken', clock, resolver, web, neverIssues: true })
    : undefined
  const cas = broken === undefined ? [ca] : [broken, ca]
  const spec = specFor(names, cas, options)
  const served = options.copies ? `${copies}/fullchain.pem` : `${livePath(state, spec.name)}/fullchain.pem`
  let loaded: Uint8Array | undefined
  let isStuck = false
  const load = async () => {
    const content = await disk.read(served)
    if (content === undefined) throw new AppError('ERR_DEPLOY', 'there is no certificate to load')
    if (!isStuck) loaded = parsePem(Buffer.from(content).toString(), 'CERTIFICATE')[0]
  }
  const hooked: string[] = []
  let processes = 0

  const runtimeOf = (life: Life): Runtime => {
    const random = seededRandom(++processes)
    const files = piecewiseFiles(disk, { ...life, id: () => random.id(12) })
    const whole = wholeFiles(disk, life)
    return fakeRuntime<Partial<Runtime>>({
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => life.look('sleep', () => clock.sleep(ms, signal)),
      },
      random,
      files,
      // Both write files of other people under names of their own; what is left of them has tests of its own.
      webrootFiles: memoryWebroot(whole),
      targetFiles: memoryTargetFiles(whole),
      resolver,
      http: (url, request) => {
        const asked = cas.find(({ authority }) => url.startsWith(new URL(authority.directory).origin))
        const exchange = () => (asked?.http ?? web)(url, request)
        const name = `${request.method} ${url}`
        return request.method === 'POST' ? life.change(name, exchange) : life.look(name, exchange)
      },
      probeTls: () =>
        life.look('probe', async () => {
          if (loaded === undefined) throw new AppError('ERR_NETWORK', 'nothing listens there')
          return { leaf: loaded, chain: [loaded], protocol: 'TLSv1.3' }
        }),
      exec: async (program, args, { env = {} } = {}) =>
        life.change(`run ${program}`, () =>
          fakeExec({
            '/sbin/reload': () => load().then(() => ''),
            '/sbin/note': () => {
              hooked.push(env['CERTWRIGHT_FINGERPRINT'] ?? '')
              return ''
            },
          })(program, args),
        ),
    })
  }

  return {
    ...{ spec, clock, disk, ca, cas, hooked },
    server: {
      served: () => (loaded === undefined ? undefined : parseCertificate(loaded).fingerprint),
      setStuck: next => {
        isStuck = next
      },
    },
    async run(work, fate = {}) {
      const life = startLife(fate)
      const runtime = runtimeOf(life)
      const manager = managerFor(spec, cas, load, life, runtime)
      const ended = work({ manager, context: contextFor(runtime) }).then(result => ({ result }))
      const end = await Promise.race([ended, life.death])
      const { changes } = life
      if (end === 'died') return { result: undefined, died: true, calls: life.calls(), changes }
      return { result: end.result, died: false, calls: life.calls(), changes }
    },
    async reboot() {
      loaded = undefined
      await load().catch(() => {}) // it does not start without
      const challenges = `${webroot}/.well-known/acme-challenge`
      for (const [index, name] of (await disk.list(challenges)).entries()) {
        if (index % 2 === 0) await disk.remove(`${challenges}/${name}`)
        else await disk.replace(`${challenges}/${name}`, '', 0o644)
      }
    },
  }
}

function configText(names: readonly string[]): string {
  return `authority: { directory: "https://ca.example/directory" }
account: { agree-to-terms: true }
certificates: { ${names[0]}: { identifiers: [${names.join(', ')}], solvers: { http-01: { webroot: ${webroot} } } } }
`
}

function contextFor(runtime: Runtime): CommandContext {
  return {
    globals: { color: false },
    runtime,
    place: { file: configFile, dropIns: '/etc/certwright/certificates.d' },
    state,
    authority: undefined,
    onEvent: () => {},
    endProgress: () => {},
    interactive: false,
    signal: new AbortController().signal,
  }
}

function specFor(
  names: readonly string[],
  [first, ...others]: readonly Ca[],
  options: MachineOptions,
): CertificateSpec {
  const identifiers: readonly Identifier[] = names.map(value => ({ type: 'dns', value }))
  const [identifier] = identifiers
  if (identifier === undefined || first === undefined) throw new TypeError('a machine needs a name and a CA')
  const target = { directory: copies, reload: ['/sbin/reload'], endpoints: ['127.0.0.1:443'] }
  return {
    name: defaultSpecName(identifier),
    identifiers,
    keyType: 'ecdsa-p256',
    reuseKey: options.reuseKey ?? false,
    authority: first.authority,
    solvers: [{ name: 'http-01-webroot', options: { webroot, selfCheck: true } }],
    fallbacks: others.map(({ authority }) => authority),
    renew: { windows: [] },
    deploy: [options.copies ? { name: 'files', options: target } : { name: 'web', options: {} }],
    hooks: { before: [], after: [['/sbin/note']], timeoutMs: 60_000 },
    source: 'test',
  }
}

function managerFor(
  spec: CertificateSpec,
  cas: readonly Ca[],
  load: () => Promise<void>,
  life: Life,
  runtime: Runtime,
): Manager {
  const web: Deployer = {
    name: 'web',
    inspect: () =>
      life.look('inspect', async () => ({
        state: 'ready',
        endpoints: [{ host: '127.0.0.1', port: 443, serverName: spec.name, source: 'web.conf:1' }],
        notes: [],
      })),
    activate: () => life.change('activate', load),
  }
  const clients = new Map(
    cas.map(({ authority: { id, directory } }) => [id, createAcmeClient({ directory }, runtime)]),
  )
  return createManager(
    {
      state,
      config: { account: { agreeToTerms: true, keyAlgorithm: 'ES256' }, certificates: [spec] },
      clientFor: async ({ id }) => {
        const client = clients.get(id)
        if (client === undefined) throw new TypeError(`${id} is not there`)
        return client
      },
      solverFor: choice => createSolver(choice, runtime),
      deployerFor: async ({ name, options }) =>
        name === 'web' ? web : createFilesDeployer(options, runtime),
      servedWithinMs: 1000,
      onEvent: () => {},
    },
    runtime,
  )
}

/** A disk on which each call is one change. */
function wholeFiles(disk: FsOps, { look, change }: Life): FsOps {
  return {
    read: (path, options) => look(`read ${path}`, () => disk.read(path, options)),
    list: path => look(`list ${path}`, () => disk.list(path)),
    facts: path => look(`facts ${path}`, () => disk.facts(path)),
    readLink: path => look(`readLink ${path}`, () => disk.readLink(path)),
    makeDirectory: (path, mode) => change(`makeDirectory ${path}`, () => disk.makeDirectory(path, mode)),
    writeNew: (path, content, mode) => change(`writeNew ${path}`, () => disk.writeNew(path, content, mode)),
    writeDirectory: (path, files, mode) =>
      change(`writeDirectory ${path}`, () => disk.writeDirectory(path, files, mode)),
    replace: (path, content, mode) => change(`replace ${path}`, () => disk.replace(path, content, mode)),
    replaceLink: (path, target) => change(`replaceLink ${path}`, () => disk.replaceLink(path, target)),
    rename: (from, to) => change(`rename ${from}`, () => disk.rename(from, to)),
    remove: path => change(`remove ${path}`, () => disk.remove(path)),
  }
}
