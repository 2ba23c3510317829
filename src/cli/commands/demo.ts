/** `certwright demo`: the main job on this machine, with nothing but this program. */
import { parseIdentifier } from '../../acme/identifier.ts'
import { formatDuration } from '../../base/duration.ts'
import { AppError } from '../../base/errors.ts'
import { createAcmeClient } from '../../client/client.ts'
import type { ApplyResult } from '../../manage/apply-result.ts'
import { createManager, type Manager } from '../../manage/manager.ts'
import { selectRenewalTime } from '../../manage/plan/renewal-time.ts'
import { type CertificateSpec, defaultSpecName } from '../../manage/spec.ts'
import { livePath, stateDirectoryMode } from '../../manage/store/paths.ts'
import { createSolver } from '../../plugins/registry.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { startBuiltInSite } from '../demo/built-in-site.ts'
import { type NginxSiteOptions, startNginxSite } from '../demo/nginx-site.ts'
import { type DemoSite, demoNames } from '../demo/site.ts'
import { embeddedRootPath, startEmbeddedAuthority } from '../embedded-authority.ts'
import { styled, whenText } from '../text.ts'

export type DemoFlags = { readonly keep?: boolean; readonly nginx: boolean }

/** One thing the demo did, and how long it took. */
type DemoStep = { readonly name: string; readonly text: string; readonly ms: number }

/** Issues, serves, verifies over TLS, renews, verifies again; everything lies in one temporary directory. */
export async function demo(
  context: CommandContext,
  { keep = false, nginx }: DemoFlags,
): Promise<CommandResult> {
  const { signal, globals } = context
  const runtime = withDemoNames(context.runtime)
  const directory = `${runtime.environment('TMPDIR') ?? '/tmp'}/certwright-demo-${runtime.random.id(10)}`
  await using _directory = { [Symbol.asyncDispose]: () => runtime.files.remove(directory) }
  await runtime.files.makeDirectory(directory, stateDirectoryMode)

  const steps: DemoStep[] = []
  const write = (line: string) => {
    context.endProgress()
    if (globals.json !== true && globals.quiet !== true) process.stdout.write(line)
  }
  const step = async <T>(
    name: string,
    work: () => Promise<T>,
    describe: (result: T) => string,
  ): Promise<T> => {
    const start = runtime.clock.monotonic()
    const result = await work()
    const done = { name, text: describe(result), ms: Math.round(runtime.clock.monotonic() - start) }
    steps.push(done)
    write(
      `  ${styled(globals.color, 'green', 'ok')}  ${name.padEnd(9)} ${done.text} (${formatDuration(done.ms)})\n`,
    )
    return result
  }

  write(
    `${styled(globals.color, 'bold', 'Certwright demo')}: the whole life of a certificate, on this machine, without a network\n\n`,
  )
  const state = `${directory}/state`
  const ports = { httpPort: await freePort(runtime), httpsPort: await freePort(runtime) }
  await using authority = await step(
    'CA',
    () => startEmbeddedAuthority(state, runtime, { httpPort: ports.httpPort }),
    ({ directory: url }) => `an ACME CA of our own at ${url}`,
  )
  const spec = demoSpec()
  const live = livePath(state, spec.name)
  await using site = await step(
    'site',
    () => startSite(nginx, { directory, live, signal, ...ports }, runtime),
    ({ name, httpPort, httpsPort }) => `${name}, http on port ${httpPort}, https on port ${httpsPort}`,
  )
  const client = createAcmeClient({ directory: authority.directory, trustPem: authority.trustPem }, runtime)
  const manager = createManager(
    {
      state,
      config: {
        account: { agreeToTerms: true, keyAlgorithm: 'ES256' },
        certificates: [{ ...spec, solvers: [site.solver] }],
      },
      clientFor: async () => client,
      solverFor: choice => createSolver(choice, runtime),
      deployerFor: async () => site.deployer,
      // On a terminal it is one line that comes and goes; elsewhere it would bury the steps.
      onEvent: globals.verbose === true || process.stderr.isTTY ? context.onEvent : () => {},
    },
    runtime,
  )
  const first = await step(
    'issue',
    () => applyOnce(manager, spec, [], signal),
    () => `a certificate for ${demoNames.join(' and ')}, after http-01`,
  )
  await step(
    'verify',
    () => visit(site, authority.trustPem, runtime),
    () => servedText(first, site),
  )
  const second = await step(
    'renew',
    () => applyOnce(manager, spec, [spec.name], signal),
    () => `a new certificate with a new key, switched in one step`,
  )
  await step(
    'verify',
    () => visit(site, authority.trustPem, runtime),
    () => servedText(second, site),
  )
  const certificate = second.certificate
  if (certificate === undefined || certificate.fingerprint === first.certificate?.fingerprint) {
    throw new AppError('ERR_NOT_SERVED', 'the renewal did not lead to another certificate')
  }
  const url = `https://${demoNames[0]}:${site.httpsPort}/`
  const renewAt = second.renewAt ?? selectRenewalTime(certificate, {}).at
  const summary = [
    '',
    `What happened: a CA checked over http that this machine answers for ${demoNames[0]}, issued a certificate, ${site.name}`,
    'was given it, and a TLS handshake proved that it is served. Then it was renewed while the site was running.',
    '',
    `  valid    until ${whenText(certificate.notAfter, runtime.clock.now())}`,
    `  renewal  ${whenText(renewAt, runtime.clock.now())}: certwright apply, run daily, would do it`,
    `  page     ${url}`,
    '',
  ]
  write(summary.map(line => `${line}\n`).join(''))
  if (keep) {
    write(
      [
        `The site is running. Another terminal can see it with:`,
        `  curl --cacert ${embeddedRootPath(state)} --resolve ${demoNames[0]}:${site.httpsPort}:127.0.0.1 ${url}`,
        'Ctrl-C ends it.',
        '',
      ].join('\n'),
    )
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  } else write(nextSteps)
  return {
    exitCode: exitCodes.done,
    text: '',
    json: {
      ok: true,
      site: site.name,
      steps,
      fingerprints: [first.certificate?.fingerprint, certificate.fingerprint],
    },
  }
}

const nextSteps = `Next: certwright demo --keep leaves the page open for a look; the README shows a first real certificate.
`

function demoSpec(): CertificateSpec {
  const identifiers = demoNames.map(parseIdentifier)
  const [first] = identifiers
  if (first === undefined) throw new TypeError('the demo has names')
  return {
    name: defaultSpecName(first),
    identifiers,
    keyType: 'ecdsa-p256',
    reuseKey: false,
    authority: { id: 'embedded', directory: 'embedded' },
    fallbacks: [],
    solvers: [],
    renew: { windows: [] },
    deploy: [{ name: 'site', options: {} }],
    source: 'demo',
  }
}

/** The names of the demo lead to this machine, for our own look and for the CA's. */
function withDemoNames(runtime: Runtime): Runtime {
  const names: readonly string[] = demoNames
  return {
    ...runtime,
    resolver: {
      addresses: (name, options) =>
        names.includes(name) ? Promise.resolve(['127.0.0.1']) : runtime.resolver.addresses(name, options),
    },
  }
}

async function startSite(
  nginx: boolean,
  { live, directory, ...options }: Omit<NginxSiteOptions, 'liveDirectory'> & { readonly live: string },
  runtime: Runtime,
): Promise<DemoSite> {
  const found = nginx
    ? await startNginxSite({ directory: `${directory}/nginx`, liveDirectory: live, ...options }, runtime)
    : undefined
  return found ?? startBuiltInSite(options, runtime)
}

async function freePort({ listenHttp }: Runtime): Promise<number> {
  await using listener = await listenHttp([{ host: '127.0.0.1', port: 0 }], () => ({ status: 404, body: '' }))
  const [address] = listener.addresses
  if (address === undefined) throw new TypeError('a listener has an address')
  return address.port
}

async function applyOnce(
  manager: Manager,
  spec: CertificateSpec,
  force: readonly string[],
  signal: AbortSignal,
): Promise<ApplyResult> {
  const [result] = await manager.apply({ only: [spec.name], force, signal })
  if (result === undefined) throw new TypeError('the demo has one certificate')
  if (result.error !== undefined) throw result.error
  return result
}

/** Fetches the page of each name as a browser that trusts the CA would. */
async function visit(site: DemoSite, trustPem: string, { http }: Pick<Runtime, 'http'>): Promise<void> {
  for (const name of demoNames) {
    const { status } = await http(`https://${name}:${site.httpsPort}/`, {
      method: 'GET',
      address: '127.0.0.1',
      trustPem,
    })
    if (status !== 200)
      throw new AppError('ERR_NOT_SERVED', `https://${name}:${site.httpsPort}/ answered ${status}`)
  }
}

function servedText({ certificate }: ApplyResult, site: DemoSite): string {
  const url = `https://${demoNames[0]}:${site.httpsPort}/`
  return `${url} opens for a client that trusts the CA, with certificate ${certificate?.fingerprint.slice(0, 12) ?? ''}`
}
