/** A CA, a configuration file and the command line: what is needed to deliver certificates, and no web server. */
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { runCli } from './cli.ts'
import { startPebble } from './pebble.ts'
import { freePort } from './ports.ts'
import type { Finished, RunOptions } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'

export type Issuer = AsyncDisposable & {
  readonly state: string
  /** Writes the configuration of one certificate, `name`, with these targets. */
  configure(name: string, deploy: readonly unknown[]): Promise<void>
  run(...args: readonly string[]): Promise<Finished>
  /** Fingerprint of what is in `live/NAME`. */
  live(name: string): Promise<string>
}

/** Starts Pebble. Challenges are answered by the command itself. */
export async function startIssuer({ env = {} }: Pick<RunOptions, 'env'> = {}): Promise<Issuer> {
  await using started = new AsyncDisposableStack()
  const { path } = started.use(await tempDirectory())
  const port = await freePort()
  const pebble = started.use(await startPebble({ httpPort: port }))
  const [state, configFile] = [join(path, 'state'), join(path, 'certwright.yaml')]
  const all = started.move()
  return {
    state,
    configure: (name, deploy) =>
      writeFile(
        configFile,
        stringify({
          authority: { directory: pebble.directory, trust: pebble.trustFile },
          account: { 'agree-to-terms': true },
          resolvers: [pebble.dnsServer],
          defaults: { solvers: { 'http-01': { standalone: { port, addresses: ['127.0.0.1'] }, port } } },
          certificates: { [name]: { deploy } },
        }),
      ),
    run: (...args) => {
      const options = { timeoutMs: 120_000, env: { ...env } }
      return runCli([...args, '--config', configFile, '--state', state], options)
    },
    live: async name =>
      new X509Certificate(await readFile(join(state, 'live', name, 'cert.pem'))).fingerprint256,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
