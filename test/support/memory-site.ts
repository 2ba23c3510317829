/**
 * A site in memory: a machine with Certwright as its daemon runs it, a web server, CAs, and people who are told. Time is
 * virtual, so years pass in a second.
 */
import { parseIdentifier } from '../../src/acme/identifier.ts'
import { AppError } from '../../src/base/errors.ts'
import { dayMs, type Instant, plusMs } from '../../src/base/instant.ts'
import { sha256Hex } from '../../src/base/sha256.ts'
import { createAcmeClient } from '../../src/client/client.ts'
import type { Deployer, Inspection } from '../../src/contracts/deployer.ts'
import type { Notification } from '../../src/contracts/notifier.ts'
import { takeLook } from '../../src/daemon/look.ts'
import { nextLook } from '../../src/daemon/pace.ts'
import type { ApplyResult } from '../../src/manage/apply-result.ts'
import type { ManagerEvent } from '../../src/manage/events.ts'
import { createManager, type Manager } from '../../src/manage/manager.ts'
import { reportRun } from '../../src/manage/notify/report.ts'
import { createRecollection } from '../../src/manage/recollection.ts'
import { type CertificateSpec, type Config, defaultSpecName } from '../../src/manage/spec.ts'
import { livePath } from '../../src/manage/store/paths.ts'
import { createSolver } from '../../src/plugins/registry.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { HttpExchange, HttpReply } from '../../src/runtime/http.ts'
import type { TryLock } from '../../src/runtime/lock.ts'
import type { Served } from '../../src/runtime/network.ts'
import type { Resolver } from '../../src/runtime/resolver.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { fakeTryLock } from '../../src/testing/fake-lock.ts'
import { fakeResolver, textReply } from '../../src/testing/fake-network.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { type FaultInjection, faultyFiles } from '../../src/testing/faulty-files.ts'
import { type MemoryFiles, memoryFiles } from '../../src/testing/memory-files.ts'
import { parsePem } from '../../src/x509/pem.ts'
import { createMemoryCa, type MemoryCa, type MemoryCaOptions } from './memory-ca.ts'

export const state = '/var/lib/certwright'
export const webroot = '/var/www'

/** How the surroundings of Certwright behave in place of the good way, which each is handed. */
export type SiteMischief = {
  readonly inspect?: (good: () => Inspection) => Inspection | Promise<Inspection>
  readonly activate?: (good: () => Promise<void>) => Promise<void>
  readonly probe?: (good: () => Served, name: string) => Served | Promise<Served>
  /** Port 80, as the CA or as Certwright itself sees it. */
  readonly page?: (
    good: () => Promise<HttpReply>,
    from: { readonly who: 'ca' | 'here'; readonly signal: AbortSignal | undefined },
  ) => HttpReply | Promise<HttpReply>
  readonly addresses?: (good: () => readonly string[]) => readonly string[] | Promise<readonly string[]>
  /** Who holds a lock already; nobody where it is `undefined`. */
  readonly holder?: (path: string) => string | undefined
}

/** One look of the daemon, and what came of it. */
export type SiteLook = {
  readonly at: Instant
  readonly results: readonly ApplyResult[]
  /** Whether anything was due, or could not be looked at. */
  readonly applied: boolean
  /** Why not everything could be looked at. */
  readonly error?: unknown
  readonly nextLookAt: Instant
}

export type Site = {
  /** That of the machine. */
  readonly clock: FakeClock
  /** What time it is really. */
  readonly trueTime: () => Instant
  readonly specs: readonly CertificateSpec[]
  readonly cas: readonly MemoryCa[]
  /** The disk itself. */
  readonly disk: MemoryFiles
  /** The disk as Certwright sees it. */
  readonly files: MemoryFiles & FaultInjection
  readonly events: readonly ManagerEvent[]
  /** What people were told, oldest first. */
  readonly told: readonly Notification[]
  /** How often the web server was told to read its certificates. */
  readonly reloads: () => number
  /** SHA-256 of the leaf that the web server has loaded for a name. */
  served(name: string): string | undefined
  become(mischief?: SiteMischief): void
  /** A new process. */
  manager(): Manager
  /** The daemon looks once. */
  look(): Promise<SiteLook>
  /** The daemon goes on until an instant, or until `enough` says so; an idle week has seven looks. */
  goOn(until: Instant, enough?: (look: SiteLook) => boolean): Promise<readonly SiteLook[]>
}

export type SiteOptions = {
  readonly now?: Instant
  /** The names of each certificate. */
  readonly certificates?: readonly (readonly string[])[]
  /** In order: the first is asked first, the others when it cannot issue. */
  readonly cas?: readonly MemoryCaOptions[]
  readonly spec?:
    | Partial<CertificateSpec>
    | ((cas: readonly MemoryCa[], index: number) => Partial<CertificateSpec>)
  readonly timeZone?: string
  readonly seed?: number
}

/** Between looks of a daemon that has nothing to do. The real one looks more often, to find what endpoints serve. */
const checkEveryMs = dayMs
/** More would mean that it looks again and again. */
const maxLooks = 5_000

/** A site on which nothing has happened yet. */
export async function createSite({
  now,
  certificates = [['a.example', 'b.example']],
  cas: caOptions = [{}],
  spec: more = {},
  timeZone,
  seed,
}: SiteOptions = {}): Promise<Site> {
  const clock = fakeClock({ ...(now !== undefined && { now }) })
  // Others keep their own time: whoever sets the clock of this machine changes nothing for them.
  const begin = clock.now()
  const trueClock: Clock = {
    now: () => plusMs(begin, clock.monotonic()),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  }
  const disk = memoryFiles({ clock })
  await disk.makeDirectory(webroot, 0o755)
  const files = faultyFiles(disk)
  const { signal } = new AbortController()
  const names = certificates.flat()
  const allAddresses = fakeResolver(Object.fromEntries(names.map(name => [name, ['127.0.0.1']])))
  let mischief: SiteMischief = {}
  let reloads = 0
  const loaded = new Map<string, Uint8Array>()
  const fingerprints = new Map<string, string>()

  const page = async (url: string): Promise<HttpReply> => {
    const content = await disk.read(webroot + new URL(url).pathname)
    return content === undefined
      ? textReply(404, 'not here')
      : textReply(200, new TextDecoder().decode(content))
  }
  const pageFor =
    (who: 'ca' | 'here'): HttpExchange =>
    async (url, { signal }) =>
      mischief.page === undefined ? page(url) : mischief.page(() => page(url), { who, signal })
  const cas: MemoryCa[] = []
  for (const { server, ...options } of caOptions) {
    const settings = { ...options, server: { renewalInfoRetryAfterMs: checkEveryMs, ...server } }
    cas.push(
      await createMemoryCa(settings, {
        ...{ clock: trueClock, http: pageFor('ca'), resolver: allAddresses },
      }),
    )
  }
  const [first, ...others] = cas
  if (first === undefined) throw new TypeError('a site needs a CA')

  const specs = certificates.map((values, index): CertificateSpec => {
    const identifiers = values.map(parseIdentifier)
    const [main] = identifiers
    if (main === undefined) throw new TypeError('a certificate needs a name')
    return {
      name: defaultSpecName(main),
      identifiers,
      keyType: 'ecdsa-p256',
      reuseKey: false,
      authority: first.authority,
      fallbacks: others.map(({ authority }) => authority),
      solvers: [{ name: 'http-01-webroot', options: { webroot } }],
      deploy: [{ name: 'web', options: {} }],
      renew: { windows: [] },
      source: 'test',
      ...(typeof more === 'function' ? more(cas, index) : more),
    }
  })
  const settings: Pick<Config, 'account' | 'certificates' | 'timeZone'> = {
    account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
    certificates: specs,
    ...(timeZone !== undefined && { timeZone }),
  }

  const load = async (): Promise<void> => {
    for (const { name } of specs) {
      const content = await disk.read(`${livePath(state, name)}/fullchain.pem`)
      const [leaf] = content === undefined ? [] : parsePem(new TextDecoder().decode(content), 'CERTIFICATE')
      if (leaf === undefined) continue
      loaded.set(name, leaf)
      fingerprints.set(name, sha256Hex(leaf))
    }
  }
  const deployer: Deployer = {
    name: 'web',
    inspect: async ({ name, identifiers }) => {
      const good = (): Inspection => ({
        state: 'ready',
        endpoints: [
          { host: '127.0.0.1', port: 443, serverName: identifiers[0]?.value, source: `${name}.conf:1` },
        ],
        notes: [],
      })
      return mischief.inspect === undefined ? good() : mischief.inspect(good)
    },
    activate: async () => {
      reloads += 1
      await (mischief.activate === undefined ? load() : mischief.activate(load))
    },
  }
  const show = (name: string): Served => {
    const leaf = loaded.get(name)
    if (leaf === undefined)
      throw new AppError('ERR_NETWORK', `cannot connect to 127.0.0.1:443: nothing listens there`)
    return { leaf, chain: [leaf], protocol: 'TLSv1.3' }
  }
  const locks = fakeTryLock()
  const runtime: Runtime = fakeRuntime(
    {
      clock,
      files,
      http: ((url, request) => {
        const ca = cas.find(({ host }) => new URL(url).host === host)
        return ca === undefined ? pageFor('here')(url, request) : ca.exchange(url, request)
      }) satisfies HttpExchange,
      resolver: {
        addresses: async (name, options) => {
          const known = await allAddresses.addresses(name, options)
          return mischief.addresses === undefined ? known : mischief.addresses(() => known)
        },
      } satisfies Resolver,
      tryLock: (async (path, about) => {
        const holder = mischief.holder?.(path)
        return holder === undefined ? locks(path, about) : { holder }
      }) satisfies TryLock,
      probeTls: async ({ serverName = '' }) => {
        const spec = specs.find(({ identifiers }) => identifiers.some(({ value }) => value === serverName))
        const good = () => show(spec?.name ?? '')
        return mischief.probe === undefined ? good() : mischief.probe(good, serverName)
      },
    },
    { ...(seed !== undefined && { seed }) },
  )

  const events: ManagerEvent[] = []
  const told: Notification[] = []
  // What one process holds in memory is gone with the next one.
  const manager = (): Manager => {
    const clients = new Map(
      cas.map(({ authority }) => [
        authority.id,
        createAcmeClient({ directory: authority.directory }, runtime),
      ]),
    )
    return createManager(
      {
        state,
        config: settings,
        clientFor: async ({ id }) => {
          const client = clients.get(id)
          if (client === undefined) throw new TypeError(`there is no CA ${id}`)
          return client
        },
        solverFor: choice => createSolver(choice, runtime),
        deployerFor: async () => deployer,
        recollection,
        onEvent: event => void events.push(event),
      },
      runtime,
    )
  }

  const recollection = createRecollection()
  let stalls = 0
  const lookOnce = async (): Promise<SiteLook> => {
    const found = await takeLook(
      {
        config: settings as Config, // only handed through to the manager, which is opened with it
        only: undefined,
        gentle: false,
        openManager: async () => ({ manager: manager(), [Symbol.asyncDispose]: async () => {} }),
        onApplying: () => {},
        signal,
      },
      runtime,
    )
    const at = clock.now()
    const { wakeAt, applied, error, results } = found
    const isStalled = error !== undefined || (applied && wakeAt !== undefined && wakeAt <= at)
    stalls = isStalled ? stalls + 1 : 0
    const nextLookAt = nextLook({
      now: at,
      wakeAt,
      stalls,
      fraction: runtime.random.fraction(),
      checkEveryMs,
    })
    await reportRun(
      state,
      { results, configured: specs.map(({ name }) => name), nextRunAt: nextLookAt },
      {
        notify: [{ name: 'people', label: 'people', options: {} }],
        notifierFor: async () => ({
          name: 'people',
          send: async notification => void told.push(notification),
        }),
        recollection,
        signal,
      },
      runtime,
    )
    return { at, results, applied, nextLookAt, ...(error !== undefined && { error }) }
  }
  const look = (): Promise<SiteLook> => clock.through(lookOnce())

  return {
    trueTime: () => trueClock.now(),
    ...{ clock, specs, cas, disk, files, events, told, manager, look },
    reloads: () => reloads,
    served: name => fingerprints.get(name),
    become: (next = {}) => {
      mischief = next
    },
    goOn: async (until, enough = () => false) => {
      const looks: SiteLook[] = []
      while (clock.now() < until) {
        if (looks.length >= maxLooks) throw new Error(`it looked ${maxLooks} times`)
        const one = await look()
        looks.push(one)
        if (enough(one)) break
        const next = Math.min(one.nextLookAt, until)
        if (next > clock.now()) await clock.advance(next - clock.now())
      }
      return looks
    },
  }
}

/** The only certificate of a site. */
export function onlySpec({ specs }: Pick<Site, 'specs'>): CertificateSpec {
  const [spec] = specs
  if (spec === undefined || specs.length > 1) throw new TypeError('the site has several certificates')
  return spec
}
