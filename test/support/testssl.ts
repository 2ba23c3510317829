/** Debian's testssl: a shell script that looks at TLS servers, with an opinion of its own. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { v } from '../../src/base/schema.ts'
import { requireProgram, runProgram } from './programs.ts'
import { tempDirectory } from './temp-directory.ts'

/** What testssl says about a server, as far as we say it too. */
export type TestsslFindings = {
  /** Of SSLv2 to TLSv1.3. */
  readonly protocols: readonly string[]
  /** Numbers of suites by protocol, in hexadecimal, sorted. */
  readonly suites: Readonly<Record<string, readonly string[]>>
  /** Curves and primes of RFC 7919, sorted. */
  readonly groups: readonly string[]
  readonly forwardSecrecy: boolean
  /** Seconds; absent where it saw none, or no HTTP. */
  readonly hsts?: number
  /** `passed`, or why not; one for each certificate. */
  readonly trust: readonly string[]
  /** Whether the certificates are for the name. */
  readonly name: readonly boolean[]
  /** Such as `RSA 2048`, one for each certificate. */
  readonly keys: readonly string[]
  readonly signatures: readonly string[]
  /** How many certificates were sent. */
  readonly sent: readonly number[]
  readonly misordered: boolean
  readonly secureRenegotiation: boolean
  readonly sessionTickets: boolean
}

/** How much of it: `full` takes half a minute, `short` ten seconds. */
export type TestsslDepth = 'full' | 'short'

/** What testssl is told. */
export type TestsslOptions = { readonly trust: string; readonly depth: TestsslDepth }

/** What testssl says about `localhost:port`. */
export async function runTestssl(port: number, options: TestsslOptions): Promise<TestsslFindings> {
  return readFindings(await linesOf(port, options))
}

/** What testssl does not like about `localhost:port`, apart from what no test certificate can have. */
export async function testsslComplaints(port: number, options: TestsslOptions): Promise<readonly string[]> {
  const bad = (await linesOf(port, options)).filter(
    ({ id, severity }) => !/^(OK|INFO|DEBUG|WARN)$/.test(severity) && !excused.test(id),
  )
  return bad.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`)
}

/**
 * The certificate lives for two days, has a short serial number, and comes from a CA without a place for revocation; other
 * headers for browsers are no matter of TLS.
 */
const excused = /^(security_headers$|cert_(notAfter|expirationStatus|serialNumberLen|revocation))/

/** Looks at a port of 127.0.0.1. Nothing but this address is contacted. */
async function linesOf(port: number, { trust, depth }: TestsslOptions): Promise<readonly Line[]> {
  await using directory = await tempDirectory()
  const file = join(directory.path, 'findings.json')
  const quiet = ['--quiet', '--color', '0', '--warnings', 'off']
  const near = ['--nodns', 'none', '--ip', '127.0.0.1', '--connect-timeout', '5', '--openssl-timeout', '5']
  const what = ['-p', '-E', '-f', '-S', '-h', ...(depth === 'short' ? ['--fast'] : [])]
  const args = [
    ...quiet,
    ...near,
    ...what,
    '--add-ca',
    trust,
    '--jsonfile',
    file,
    `https://localhost:${port}`,
  ]
  const { stdout, stderr } = await runProgram(requireProgram('testssl'), args, {
    cwd: directory.path,
    timeoutMs: 170_000,
  })
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Error(`testssl wrote nothing:\n${stdout}${stderr}`)
  })
  return v.parse(findingsSchema, JSON.parse(text))
}

const findingsSchema = v.array(v.object({ id: v.string(), severity: v.string(), finding: v.string() }))
type Line = v.InferOutput<typeof findingsSchema>[number]

const protocolNames: Readonly<Record<string, string>> = {
  SSLv2: 'SSLv2',
  SSLv3: 'SSLv3',
  TLS1: 'TLSv1.0',
  TLS1_1: 'TLSv1.1',
  TLS1_2: 'TLSv1.2',
  TLS1_3: 'TLSv1.3',
}

/** From its flat JSON to what is compared. */
function readFindings(lines: readonly Line[]): TestsslFindings {
  // With two certificates each line about one has its number behind it.
  const all = (wanted: string) =>
    lines.filter(({ id }) => id.replace(/ .*$/, '') === wanted).map(({ finding }) => finding.trim())
  const one = (wanted: string) => all(wanted)[0] ?? ''
  const suites: Record<string, string[]> = {}
  for (const { id } of lines) {
    const [, protocol = '', number = ''] = /^cipher-(\w+?)_x([0-9a-f]+)$/.exec(id) ?? []
    const name = protocolNames[protocol.replace(/^tls/, 'TLS').replace(/^ssl/, 'SSL')]
    if (name !== undefined) (suites[name] ??= []).push(`0x${number.padStart(4, '0')}`)
  }
  const words = (text: string) => text.split(/\s+/).filter(word => word !== '' && word !== '--')
  const hsts = /\(=(\d+) seconds\)/.exec(one('HSTS_time'))?.[1] ?? /^(\d+)/.exec(one('HSTS_time'))?.[1]
  return {
    protocols: Object.entries(protocolNames)
      .filter(([id]) => /^(offered|still supported|vulnerable)/.test(one(id)))
      .map(([, name]) => name),
    suites: Object.fromEntries(Object.entries(suites).map(([name, ids]) => [name, ids.toSorted()])),
    groups: [...new Set([...words(one('PFS_ECDHE_curves')), ...words(one('DH_groups'))])]
      .map(name => (name === 'prime256v1' ? 'secp256r1' : name))
      .toSorted(),
    forwardSecrecy: one('PFS') === 'offered',
    ...(hsts !== undefined && { hsts: Number(hsts) }),
    trust: all('cert_chain_of_trust').map(text => text.replace(/\.$/, '')),
    name: all('cert_trust').map(text => text.startsWith('Ok')),
    keys: all('cert_keySize').map(text => text.replace(/ bits.*$/, '')),
    signatures: all('cert_signatureAlgorithm'),
    sent: all('certs_countServer').map(Number),
    misordered: all('certs_list_ordering_problem').includes('yes'),
    secureRenegotiation: one('TLS_extensions').includes("'renegotiation info/"),
    sessionTickets: one('TLS_extensions').includes("'session ticket/"),
  }
}
