/** The real outside world. */
import { hostname } from 'node:os'
import type { Runtime } from '../runtime.ts'
import { nodeClock } from './clock.ts'
import { nodeConnectRaw } from './connect-raw.ts'
import { nodeDns } from './dns.ts'
import { nodeExec } from './exec.ts'
import { nodeFiles } from './files.ts'
import { nodeFreeBytes } from './free-bytes.ts'
import { nodeHttp } from './http.ts'
import { nodeListenHttp } from './listen-http.ts'
import { nodeLocalHttp } from './local-http.ts'
import { nodeAskSocket } from './local-socket.ts'
import { nodeTryLock } from './lock.ts'
import { nodePortOwner } from './port-owner.ts'
import { nodeRandom } from './random.ts'
import { nodeResolver } from './resolver.ts'
import { nodeSendSignal } from './send-signal.ts'
import { nodeServeHttps } from './serve-https.ts'
import { systemRoots } from './system-roots.ts'
import { nodeTargetFiles } from './target-files.ts'
import { nodeWatch } from './watch.ts'
import { nodeWebrootFiles } from './webroot-files.ts'

/** Settings of {@link nodeRuntime}. */
export type NodeRuntimeOptions = {
  /** DNS servers for the resolver (`192.0.2.1`, `192.0.2.1:5353`); the system's way when absent. */
  readonly dnsServers?: readonly string[]
}

/** This machine. Nothing is opened, read or loaded before it is used. */
export function nodeRuntime({ dnsServers = [] }: NodeRuntimeOptions = {}): Runtime {
  const random = nodeRandom()
  return {
    clock: nodeClock(),
    random,
    files: nodeFiles(random),
    freeBytes: nodeFreeBytes(),
    webrootFiles: nodeWebrootFiles(),
    targetFiles: nodeTargetFiles(),
    exec: nodeExec(),
    sendSignal: nodeSendSignal(),
    resolver: nodeResolver({ dnsServers }),
    dns: nodeDns({ dnsServers }),
    http: nodeHttp(),
    listenHttp: nodeListenHttp(),
    localHttp: nodeLocalHttp(),
    askSocket: nodeAskSocket(),
    serveHttps: nodeServeHttps(),
    // With all the dialogues that it can hold, it is too much to load where nothing is looked at.
    probeTls: async (...asked) => (await import('./probe-tls.ts')).nodeProbeTls()(...asked),
    connectRaw: nodeConnectRaw(),
    systemRoots,
    portOwner: nodePortOwner(),
    tryLock: nodeTryLock(),
    watch: nodeWatch(),
    hostName: hostname,
    environment: name => process.env[name],
  }
}
