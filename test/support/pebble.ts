/** Pebble, the ACME server made for testing clients, with a DNS server of its own. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChallengeDns, startChallengeDns } from './challenge-dns.ts'
import { httpsRequest, makeServerCertificate, type TextReply } from './https.ts'
import { freePorts } from './ports.ts'
import { plainEnvironment, requireProgram, startProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './wait.ts'

export type PebbleOptions = {
  /** Share of good nonces that are refused, in percent; none by default. */
  readonly nonceReject?: number
  /** Chance that a valid authorization is used again, in percent; never by default. */
  readonly authzReuse?: number
  /** Validate only after up to this many seconds; at once by default. */
  readonly validationSeconds?: number
  /** Where http-01 and tls-alpn-01 are looked for; free ports by default. */
  readonly httpPort?: number
  readonly tlsPort?: number
  /** Key identifier to MAC key (base64url); when given, new accounts need one of them. */
  readonly externalAccounts?: Readonly<Record<string, string>>
  /** Name to description and validity; Pebble before 2.6 has no profiles. */
  readonly profiles?: Readonly<
    Record<string, { readonly description: string; readonly validityPeriod: number }>
  >
  /** Further roots, each with a chain of its own. */
  readonly alternateRoots?: number
  /** Names that are refused. */
  readonly blockedNames?: readonly string[]
  /** Seconds in the Retry-After fields; Pebble before 2.6 sends none. */
  readonly retryAfter?: { readonly authz: number; readonly order: number }
  /** Further environment variables: `PEBBLE_VA_ALWAYS_VALID`, `PEBBLE_CHAIN_LENGTH`, … */
  readonly env?: Readonly<Record<string, string>>
}

export type Pebble = AsyncDisposable & {
  /** The URL of the ACME directory. */
  readonly directory: string
  /** What to trust for HTTPS; not what issues the certificates. */
  readonly trustPem: string
  readonly trustFile: string
  readonly httpPort: number
  readonly tlsPort: number
  readonly managementUrl: string
  readonly dns: ChallengeDns
  readonly dnsServer: string
  /** The roots of the certificates it issues, the preferred one first. */
  rootsPem(): Promise<readonly string[]>
  /** Asks the management interface: `/set-renewal-info/`, `/cert-status-by-serial/…`; a body makes it a POST. */
  manage(path: string, body?: string): Promise<TextReply>
  log(): string
}

/** Starts Pebble and its DNS server on free ports and waits until the directory answers. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  await using started = new AsyncDisposableStack()
  const directory = started.use(await tempDirectory())
  const dns = started.use(await startChallengeDns())
  const certificate = await makeServerCertificate(directory.path)
  const [acmePort = 0, managementPort = 0, freeHttpPort = 0, freeTlsPort = 0] = await freePorts(4)
  const { httpPort = freeHttpPort, tlsPort = freeTlsPort, alternateRoots = 0 } = options

  const configFile = join(directory.path, 'pebble.json')
  const pebble = {
    listenAddress: `127.0.0.1:${acmePort}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: certificate.certificateFile,
    privateKey: certificate.keyFile,
    httpPort,
    tlsPort,
    externalAccountBindingRequired: options.externalAccounts !== undefined,
    externalAccountMACKeys: options.externalAccounts ?? {},
    domainBlocklist: options.blockedNames ?? [],
    retryAfter: options.retryAfter ?? { authz: 1, order: 1 },
    keyAlgorithm: 'ecdsa',
    ...(options.profiles === undefined ? {} : { profiles: options.profiles }),
  }
  await writeFile(configFile, JSON.stringify({ pebble }))

  const running = started.use(
    await startProgram(
      requireProgram('pebble'),
      ['-config', configFile, '-dnsserver', dns.address, '-strict=false'],
      { cwd: directory.path, env: { ...plainEnvironment(), ...pebbleVariables(options) } },
    ),
  )
  const directoryUrl = `https://127.0.0.1:${acmePort}/dir`
  const managementUrl = `https://127.0.0.1:${managementPort}`
  const { trustPem } = certificate
  await until('the directory of Pebble', async () => {
    if (running.hasEnded()) throw new Error(`pebble ended:\n${running.output()}`)
    const reply = await httpsRequest(directoryUrl, { trustPem }).catch(() => undefined) // not listening yet
    return reply?.status === 200 ? true : undefined
  })

  const manage = (path: string, body?: string) =>
    httpsRequest(`${managementUrl}${path}`, { trustPem, ...(body === undefined ? {} : { body }) })
  const all = started.move()
  return {
    directory: directoryUrl,
    trustPem,
    trustFile: certificate.certificateFile,
    httpPort,
    tlsPort,
    managementUrl,
    dns,
    dnsServer: dns.address,
    rootsPem: async () => {
      const indexes = Array.from({ length: alternateRoots + 1 }, (_, index) => index)
      const replies = await Promise.all(indexes.map(index => manage(`/roots/${index}`)))
      return replies.map(({ text }) => text)
    },
    manage,
    log: () => running.output(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function pebbleVariables(options: PebbleOptions): Record<string, string> {
  const { nonceReject = 0, authzReuse = 0, validationSeconds, alternateRoots = 0, env } = options
  return {
    PEBBLE_WFE_NONCEREJECT: String(nonceReject),
    PEBBLE_AUTHZREUSE: String(authzReuse),
    PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
    ...(validationSeconds === undefined
      ? { PEBBLE_VA_NOSLEEP: '1' }
      : { PEBBLE_VA_SLEEPTIME: String(validationSeconds) }),
    ...env,
  }
}
