/** Everything outside the process, as one value. Code takes the part of it that it needs. */
import type { Clock } from './clock.ts'
import type { DnsQuery } from './dns.ts'
import type { Exec } from './exec.ts'
import type { FreeBytes, FsOps } from './files.ts'
import type { HttpExchange } from './http.ts'
import type { LocalHttp } from './local-http.ts'
import type { AskSocket } from './local-socket.ts'
import type { TryLock } from './lock.ts'
import type { ListenHttp, PortOwner, ProbeTls, ServeHttps } from './network.ts'
import type { Random } from './random.ts'
import type { ConnectRaw } from './raw-connection.ts'
import type { Resolver } from './resolver.ts'
import type { SendSignal } from './send-signal.ts'
import type { TargetFiles } from './target-files.ts'
import type { Watch } from './watch.ts'
import type { WebrootFiles } from './webroot-files.ts'

export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  readonly files: FsOps
  readonly freeBytes: FreeBytes
  readonly webrootFiles: WebrootFiles
  readonly targetFiles: TargetFiles
  readonly exec: Exec
  readonly sendSignal: SendSignal
  readonly resolver: Resolver
  readonly dns: DnsQuery
  readonly http: HttpExchange
  readonly listenHttp: ListenHttp
  readonly localHttp: LocalHttp
  readonly askSocket: AskSocket
  readonly serveHttps: ServeHttps
  readonly probeTls: ProbeTls
  readonly connectRaw: ConnectRaw
  /** PEM of the root certificates that this machine trusts. */
  readonly systemRoots: () => Promise<readonly string[]>
  readonly portOwner: PortOwner
  readonly tryLock: TryLock
  readonly watch: Watch
  /** What this machine calls itself, as `hostname` prints it. */
  readonly hostName: () => string
  /** The value of an environment variable. */
  readonly environment: (name: string) => string | undefined
}
