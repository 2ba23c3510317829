/** An outside world in memory, for tests. */
import { AppError } from '../base/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type FakeClock, type FakeClockOptions, fakeClock } from './fake-clock.ts'
import { fakeTryLock } from './fake-lock.ts'
import {
  type FakeListeners,
  fakeDns,
  fakeExec,
  fakeHttp,
  fakeListeners,
  fakeLocalHttp,
  fakeResolver,
} from './fake-network.ts'
import { type FakeWatch, fakeWatch } from './fake-watch.ts'
import { type FaultInjection, faultyFiles } from './faulty-files.ts'
import { type MemoryFiles, memoryFiles } from './memory-files.ts'
import { memoryTargetFiles } from './memory-target-files.ts'
import { memoryWebroot } from './memory-webroot.ts'
import { seededRandom } from './seeded-random.ts'

/** A {@link Runtime} whose parts a test can move, fill and break. */
export type FakeRuntime = Runtime & {
  readonly clock: FakeClock
  readonly files: MemoryFiles & FaultInjection
  readonly listeners: FakeListeners
  readonly watch: FakeWatch
}

export type FakeRuntimeOptions = FakeClockOptions & {
  readonly seed?: number
  /** The environment variables; none by default. */
  readonly variables?: Readonly<Record<string, string>>
}

/**
 * A machine with an empty disk and a clock that stands still, on a network without anybody: no name resolves, nothing
 * listens, no program exists. `overrides` puts other parts in their places.
 */
export function fakeRuntime<Overrides extends Partial<Runtime> = object>(
  overrides?: Overrides,
  { seed, variables = {}, ...clockOptions }: FakeRuntimeOptions = {},
): Omit<FakeRuntime, keyof Overrides> & Overrides & Runtime {
  const clock = fakeClock(clockOptions)
  const files = faultyFiles(memoryFiles({ clock: overrides?.clock ?? clock }))
  const listeners = fakeListeners()
  const runtime: FakeRuntime = {
    clock,
    random: seededRandom(seed),
    files,
    freeBytes: async () => undefined,
    webrootFiles: memoryWebroot(overrides?.files ?? files),
    targetFiles: memoryTargetFiles(overrides?.files ?? files),
    exec: fakeExec({}),
    sendSignal: pid => {
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH', pid })
    },
    resolver: fakeResolver({}),
    dns: fakeDns(() => undefined),
    http: fakeHttp(() => undefined),
    listenHttp: listeners.listenHttp,
    listeners,
    localHttp: fakeLocalHttp(),
    askSocket: async path => {
      throw new AppError('ERR_NETWORK', `cannot ask at ${path}: nobody listens there`)
    },
    serveHttps: async () => {
      throw new AppError('ERR_LISTEN', 'nothing can be served here')
    },
    probeTls: async ({ host, port }) => {
      throw new AppError('ERR_NETWORK', `cannot connect to ${host}:${port}: nothing listens there`)
    },
    connectRaw: async ({ host, port }) => {
      throw new AppError('ERR_NETWORK', `cannot connect to ${host}:${port}: nothing listens there`)
    },
    systemRoots: async () => [],
    portOwner: async () => undefined,
    tryLock: fakeTryLock(),
    watch: fakeWatch(),
    hostName: () => 'host.test',
    environment: name => variables[name],
  }
  return Object.assign(runtime, overrides) as Omit<FakeRuntime, keyof Overrides> & Overrides & Runtime // by parts
}
