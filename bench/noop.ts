/**
 * A run with nothing due: how long it takes and how much memory, over 10, 1,000 and 10,000 certificates, beside certbot and
 * lego where they are installed. lego takes one process for each certificate; both are measured with fewer certificates.
 *
 * Needs `npm run build`. Nothing is sent but lego's look at the directory of a Pebble.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { nodeRuntime } from '../src/runtime/node/runtime.ts'
import { startPebble } from '../test/support/pebble.ts'
import { findProgram } from '../test/support/programs.ts'
import { storeCertificates } from '../test/support/stored-state.ts'
import { tempDirectory } from '../test/support/temp-directory.ts'
import { median, printReport, readOptions } from './report.ts'

const defaultRuns = 5
const sizes = [10, 1_000, 10_000] as const
const peerSize = 10
const maxMs = 1_000
const maxBytes = 150 * 1024 * 1024
/** How much dearer one certificate may become from a thousand to ten thousand. */
const maxGrowth = 1.25
const runTimeoutMs = 300_000
const legoMail = 'admin@example.com'

type Sample = { readonly ms: number; readonly bytes: number | undefined }
type Result = { readonly name: string; readonly certificates: number } & Sample

const program = join(dirname(import.meta.dirname), 'dist', 'certwright.js')
if (!existsSync(program)) throw new Error('there is no dist: run npm run build')
const time = findProgram('time')

const options = readOptions(defaultRuns)
await using directory = await tempDirectory()
const results: Result[] = []

for (const size of sizes) {
  const place = await makeState(join(directory.path, String(size)), size)
  const args = ['apply', '--config', join(place, 'certwright.yaml'), '--state', join(place, 'state')]
  results.push({
    name: 'certwright apply',
    certificates: size,
    ...measure(process.execPath, [program, ...args]),
  })
}
const certbot = findProgram('certbot')
if (certbot !== undefined) {
  const place = makeCertbot(join(directory.path, 'certbot'), peerSize)
  const args = [
    'renew',
    '--no-random-sleep-on-renew',
    '--config-dir',
    place,
    '--work-dir',
    place,
    '--logs-dir',
    place,
  ]
  results.push({ name: 'certbot renew', certificates: peerSize, ...measure(certbot, args) })
}
const lego = findProgram('lego')
if (lego !== undefined && findProgram('pebble') !== undefined) {
  await using pebble = await startPebble()
  const place = makeLego(join(directory.path, 'lego'), peerSize, pebble.directory)
  const one = measure(
    lego,
    [
      '--path',
      place,
      '--server',
      pebble.directory,
      '--email',
      legoMail,
      '--domains',
      nameOf(0),
      '--http',
      'renew',
    ],
    { LEGO_CA_CERTIFICATES: pebble.trustFile },
  )
  results.push({ name: 'lego renew, one by one', certificates: peerSize, ...one, ms: one.ms * peerSize })
}

const base = { ...measure(process.execPath, ['-e', '']) }
const ours = (size: number) => results.find(({ certificates }) => certificates === size)
const [small, middle, large] = sizes.map(ours)
const perCertificate = (result: Result | undefined) =>
  result === undefined ? Number.NaN : (result.ms - base.ms) / result.certificates
const megabytes = (bytes: number | undefined) =>
  bytes === undefined ? '-' : `${(bytes / 1024 / 1024).toFixed(0)} MiB`
printReport(
  {
    tables: [
      [
        ['NOTHING DUE', 'CERTIFICATES', 'MEDIAN', 'PEAK'],
        ...results.map(({ name, certificates, ms, bytes }) => [
          ...[name, String(certificates), `${ms.toFixed(0)} ms`, megabytes(bytes)],
        ]),
      ],
    ],
    targets: [
      { name: '10,000 certificates: ms', measured: large?.ms ?? Number.NaN, limit: maxMs },
      ...(large?.bytes === undefined
        ? []
        : [{ name: '10,000 certificates: peak bytes', measured: large.bytes, limit: maxBytes }]),
      {
        name: 'one of 10,000: times one of 1,000',
        measured: perCertificate(large) / perCertificate(middle),
        limit: maxGrowth,
      },
      ...results
        .filter(({ name }) => !name.startsWith('certwright'))
        .map(({ name, ms }) => ({
          name: `10 certificates: times ${name}`,
          measured: (small?.ms ?? Number.NaN) / ms,
          limit: 1,
        })),
    ],
    facts: { runs: options.runs, base, results },
  },
  options,
)

function measure(command: string, args: readonly string[], env: Record<string, string> = {}): Sample {
  const once = (): Sample => {
    const begin = performance.now()
    const [file, ...rest] = time === undefined ? [command, ...args] : [time, '-f', '%M', command, ...args]
    const { status, stdout, stderr, error } = spawnSync(file, rest, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: runTimeoutMs,
      env: { PATH: process.env['PATH'], HOME: directory.path, TMPDIR: directory.path, ...env },
    })
    const ms = performance.now() - begin
    if (status !== 0)
      throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stdout + stderr}`)
    const kibibytes = /(\d+)\s*$/.exec(stderr)?.[1]
    return { ms, bytes: time === undefined ? undefined : Number(kibibytes) * 1024 }
  }
  once() // fills the caches of the system and of Node
  const samples = Array.from({ length: options.runs }, once)
  const bytes = samples.flatMap(sample => sample.bytes ?? [])
  return {
    ms: median(samples.map(sample => sample.ms)),
    bytes: bytes.length === 0 ? undefined : Math.max(...bytes),
  }
}

function nameOf(index: number): string {
  return `h${index}.example.com`
}

/** One certificate for each of the names; they differ in nothing but their names. */
async function makeState(place: string, size: number): Promise<string> {
  const state = join(place, 'state')
  const now = nodeRuntime().clock.now()
  await storeCertificates(state, [nameOf(0)], now)
  const first = join(state, 'certificates', nameOf(0))
  const [generation = ''] = readdirSync(first)
  const meta = readFileSync(join(first, generation, 'meta.json'), 'utf8')
  const { fingerprint } = JSON.parse(meta) as { readonly fingerprint: string }
  mkdirSync(join(state, 'renewals'))
  for (let index = 0; index < size; index += 1) {
    const name = nameOf(index)
    writeFileSync(join(state, 'renewals', `${name}.json`), JSON.stringify({ fingerprint, draw: 0.5 }))
    if (index === 0) continue
    const copy = join(state, 'certificates', name)
    cpSync(first, copy, { recursive: true })
    writeFileSync(join(copy, generation, 'meta.json'), meta.replaceAll(nameOf(0), name))
    symlinkSync(`../certificates/${name}/${generation}`, join(state, 'live', name))
  }
  const names = Array.from({ length: size }, (_, index) => `  ${nameOf(index)}:\n`).join('')
  const authority = 'authorities: { test: { directory: "https://ca.test/directory" } }\nauthority: test\n'
  writeFileSync(join(place, 'certwright.yaml'), `${authority}certificates:\n${names}`)
  return place
}

/** The PEM files that our store holds, by the name of the file. */
function storedFile(file: string): string {
  return readFileSync(join(directory.path, '10', 'state', 'live', nameOf(0), file), 'utf8')
}

/** Lineages as certbot lays them out. */
function makeCertbot(place: string, size: number): string {
  mkdirSync(join(place, 'renewal'), { recursive: true })
  for (let index = 0; index < size; index += 1) {
    const name = nameOf(index)
    const [archive, live] = [join(place, 'archive', name), join(place, 'live', name)]
    mkdirSync(archive, { recursive: true })
    mkdirSync(live, { recursive: true })
    const lines = ['cert', 'privkey', 'chain', 'fullchain'].map(kind => {
      writeFileSync(join(archive, `${kind}1.pem`), storedFile(`${kind}.pem`))
      symlinkSync(`../../archive/${name}/${kind}1.pem`, join(live, `${kind}.pem`))
      return `${kind} = ${join(live, `${kind}.pem`)}\n`
    })
    const params =
      '[renewalparams]\naccount = none\nauthenticator = standalone\nserver = https://ca.test/dir\n'
    writeFileSync(
      join(place, 'renewal', `${name}.conf`),
      `version = 2.1.0\narchive_dir = ${archive}\n${lines.join('')}${params}`,
    )
  }
  return place
}

/** Certificates and an account as lego lays them out; it looks at neither closely where nothing is due. */
function makeLego(place: string, size: number, server: string): string {
  const account = join(place, 'accounts', new URL(server).host.replace(':', '_'), legoMail)
  mkdirSync(join(account, 'keys'), { recursive: true })
  const url = new URL('/my-account/1', server).href
  const registration = { body: { status: 'valid' }, uri: url }
  writeFileSync(join(account, 'account.json'), JSON.stringify({ email: legoMail, registration }))
  writeFileSync(join(account, 'keys', `${legoMail}.key`), ecKey())
  mkdirSync(join(place, 'certificates'))
  for (let index = 0; index < size; index += 1) {
    const file = join(place, 'certificates', nameOf(index))
    writeFileSync(`${file}.crt`, storedFile('fullchain.pem'))
    writeFileSync(`${file}.key`, ecKey())
    writeFileSync(`${file}.json`, JSON.stringify({ domain: nameOf(index), certUrl: url, certStableUrl: url }))
  }
  return place
}

/** lego reads SEC 1, where we write PKCS #8. */
function ecKey(): string {
  const { status, stdout, stderr } = spawnSync(
    'openssl',
    ['ecparam', '-name', 'prime256v1', '-genkey', '-noout'],
    {
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(stderr)
  return stdout
}
