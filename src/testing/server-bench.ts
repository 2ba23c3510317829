/** A deployer of a server on a machine that is not there: its files are in memory, its programs are functions. */
import { parseIdentifier } from '../acme/identifier.ts'
import type { DeployableCertificate, Deployer } from '../contracts/deployer.ts'
import type { Exec, ExecOptions, ExecResult } from '../runtime/exec.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { fakeRuntime } from './fake-runtime.ts'
import type { MemoryFiles } from './memory-files.ts'

export type ProgramCall = {
  /** The program and its arguments, with spaces between. */
  readonly line: string
  readonly options: ExecOptions | undefined
}

export type ServerBench = {
  readonly deployer: Deployer
  readonly files: MemoryFiles
  /** Every program that was run, in order. */
  readonly calls: readonly ProgramCall[]
  /** What is found, in a line: `ready ENDPOINTS NOTES`, or `STATE CODE: MESSAGE (HINT)`. */
  readonly inspect: () => Promise<string>
  /** The files that are prepared: `PATH MODE UID:GID CONTENT`. */
  readonly prepare: () => Promise<readonly string[]>
  readonly activate: () => Promise<void>
}

export type ServerBenchOptions = {
  readonly answer?: (line: string, options: ExecOptions | undefined) => Partial<ExecResult>
  /** By path. */
  readonly files?: Readonly<Record<string, string>>
  readonly variables?: Readonly<Record<string, string>>
}

/** The users and groups of the machine, each with these numbers. */
const accounts = { postgres: 11, mysql: 12, redis: 13, mosquitto: 14, rabbitmq: 15, turnserver: 16 }
const generation = '/generation'

/** The certificate `site` for www.example.com, whose parts are the letters C, I (the intermediates) and K. */
export async function serverBench(
  create: (runtime: Runtime) => Deployer,
  { answer = () => ({}), files: present = {}, variables = {} }: ServerBenchOptions = {},
): Promise<ServerBench> {
  const calls: ProgramCall[] = []
  const exec: Exec = async (program, args, options) => {
    const line = [program, ...args].join(' ')
    calls.push({ line, options })
    return { exitCode: 0, stdout: '', stderr: '', ...answer(line, options) }
  }
  const runtime = fakeRuntime({ exec }, { variables })
  const lines = Object.entries(accounts).map(([name, number]) => `${name}:x:${number}:${number}:\n`)
  const all = {
    '/etc/passwd': lines.join(''),
    '/etc/group': lines.join(''),
    [`${generation}/cert.pem`]: 'C',
    [`${generation}/chain.pem`]: 'I',
    [`${generation}/privkey.pem`]: 'K',
    ...present,
  }
  for (const [path, content] of Object.entries(all)) await runtime.files.put(path, content)
  const deployer = create(runtime)
  const certificate: DeployableCertificate = {
    name: 'site',
    identifiers: [parseIdentifier('www.example.com')],
    liveDirectory: '/state/live/site',
    fingerprint: '00'.repeat(32),
  }
  const options = { signal: AbortSignal.timeout(60_000) }
  return {
    deployer,
    files: runtime.files,
    calls,
    inspect: async () => {
      const found = await deployer.inspect(certificate, options)
      if (found.state === 'ready') {
        const endpoints = found.endpoints.map(
          ({ host, port, startTls = 'tls' }) => `${startTls}://${host}:${port}`,
        )
        return ['ready', ...endpoints, ...found.notes].join(' ')
      }
      const { code, message, hint = '' } = found.error
      return `${found.state} ${code}: ${message} (${hint})`
    },
    prepare: async () => {
      const prepared = await deployer.prepare?.(certificate, { directory: generation, ...options })
      await prepared?.commit()
      const copies = prepared?.copies ?? []
      const described: string[] = []
      for (const { path, mode, uid, gid } of copies)
        described.push(`${path} ${mode.toString(8)} ${uid}:${gid} ${await runtime.files.text(path)}`)
      await prepared?.keep()
      return described
    },
    activate: () => deployer.activate(options),
  }
}
