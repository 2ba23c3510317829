/**
 * The grade of what was seen, by the SSL Labs server rating guide (2009q with the rules for TLS 1.3 of 2009r). Pure.
 *
 * Three scores make a sum and the sum a letter; then every rule that applies sets a limit, and the lowest one counts.
 */
import { formatDuration } from '../base/duration.ts'
import type { ChainFinding, ChainReview } from './chain-review.ts'
import { type Grade, grades, isWorse } from './grades.ts'
import type { HttpSeen } from './http-look.ts'
import type { ProtocolScan, TlsScan } from './scan-result.ts'
import type { CipherSuite } from './suites.ts'
import type { ProtocolName } from './versions.ts'

/** Everything that is graded. */
export type Seen = {
  readonly scan: TlsScan
  readonly chains: readonly ChainReview[]
  /** Absent where HTTP is not spoken by nature (a mail server, say). */
  readonly http: HttpSeen | undefined
}

/** A rule that applies: the best grade that it leaves, and what was seen. */
export type Limit = { readonly rule: RuleName; readonly grade: Grade; readonly text: string }

/** Of 100 each. */
export type Scores = {
  readonly protocol: number
  readonly keyExchange: number
  readonly cipher: number
  readonly total: number
}

export type Rating = {
  readonly grade: Grade
  /** What it would be were the certificate trusted and for the right name. */
  readonly gradeOfSettings: Grade
  readonly scores: Scores
  /** The lowest first. */
  readonly limits: readonly Limit[]
}

/** Grades what was seen. */
export function rate(seen: Seen): Rating {
  const scores = scoresOf(seen)
  const limits = ruleNames
    .flatMap(rule => rules[rule](seen).map(([grade, text]): Limit => ({ rule, grade, text })))
    .toSorted((a, b) => grades.indexOf(b.grade) - grades.indexOf(a.grade))
  const settings = limits.filter(({ grade }) => !isWorse(grade, 'F'))
  const letter = letterOf(scores.total)
  const gradeOfSettings = worst([letter === 'A' ? 'A+' : letter, ...settings.map(({ grade }) => grade)])
  // Whether it is trusted comes first: a name in a certificate that nobody vouches for says nothing.
  const trust = limits.some(({ grade }) => grade === 'T') ? 'T' : limits[0]?.grade === 'M' ? 'M' : undefined
  return { grade: trust ?? gradeOfSettings, gradeOfSettings, scores, limits }
}

function worst(list: readonly Grade[]): Grade {
  return list.reduce((one, other) => (isWorse(other, one) ? other : one))
}

function letterOf(total: number): Grade {
  const steps = [
    [80, 'A'],
    [65, 'B'],
    [50, 'C'],
    [35, 'D'],
    [20, 'E'],
  ] as const
  return steps.find(([least]) => total >= least)?.[1] ?? 'F'
}

const protocolScores: Readonly<Record<ProtocolName, number>> = {
  SSLv2: 0,
  SSLv3: 80,
  'TLSv1.0': 90,
  'TLSv1.1': 95,
  'TLSv1.2': 100,
  'TLSv1.3': 100,
}

function scoresOf(seen: Seen): Scores {
  const protocols = offered(seen).map(({ name }) => protocolScores[name])
  const ciphers = suitesOf(seen).map(({ bits }) => cipherScore(bits))
  const protocol = middle(protocols)
  const keyExchange = Math.min(...keyScores(seen))
  const cipher = middle(ciphers.length === 0 ? [0] : ciphers)
  const sum = Math.round(0.3 * protocol + 0.3 * keyExchange + 0.4 * cipher)
  return { protocol, keyExchange, cipher, total: Math.min(protocol, keyExchange, cipher) === 0 ? 0 : sum }
}

/** Between the best and the worst. */
function middle(scores: readonly number[]): number {
  return (Math.max(...scores) + Math.min(...scores)) / 2
}

function cipherScore(bits: number): number {
  if (bits === 0) return 0
  if (bits < 128) return bits < 112 ? 20 : 80 // triple DES counts as it is called, 168 bits
  return bits < 256 ? 80 : 100
}

function keyScores(seen: Seen): readonly number[] {
  const { chains, scan } = seen
  const keys = chains.flatMap(({ leaf }) => leaf?.key.rsaBits ?? [])
  const groups = scan.protocols.flatMap(({ groups }) => groups[0]?.rsaBits ?? [])
  const primes = scan.primes.map(({ bits }) => bits)
  return [
    ...[...keys, ...groups, ...primes].map(keyScore),
    ...(suitesOf(seen).some(({ cipher }) => cipher === 'export') ? [40] : []),
    ...(suitesOf(seen).some(({ anonymous }) => anonymous) ? [0] : []),
    100,
  ]
}

function keyScore(rsaBits: number): number {
  const steps = [
    [4_096, 100],
    [2_048, 90],
    [1_024, 80],
    [512, 40],
    [1, 20],
  ] as const
  return steps.find(([least]) => rsaBits >= least)?.[1] ?? 0
}

function offered({ scan }: Pick<Seen, 'scan'>): readonly ProtocolScan[] {
  return scan.protocols.filter(({ offered }) => offered)
}

function offers(seen: Seen, name: ProtocolName): boolean {
  return offered(seen).some(protocol => protocol.name === name)
}

function suitesOf(seen: Seen): readonly CipherSuite[] {
  return offered(seen).flatMap(({ suites }) => suites)
}

/** TLS 1.2 and 1.3, which the clients of today speak; where neither is there, the newest. */
function modern(seen: Seen): readonly ProtocolScan[] {
  const found = offered(seen).filter(({ name }) => name === 'TLSv1.2' || name === 'TLSv1.3')
  return found.length > 0 ? found : offered(seen).slice(-1)
}

/** What a client of today ends with: the server's first choice, or the best one where the client decides. */
function taken({ suites, order }: ProtocolScan, isGood: (suite: CipherSuite) => boolean): boolean {
  return order === 'server' ? suites.slice(0, 1).every(isGood) : suites.some(isGood)
}

/** 180 days, as the guide has it. */
export const leastHstsSeconds = 180 * 24 * 60 * 60

const ruleNames = [
  'untrusted',
  'name',
  'ssl2',
  'ssl3',
  'tls10',
  'tls11',
  'no-tls12',
  'no-tls13',
  'null',
  'anonymous',
  'export',
  'weak-cipher',
  'rc4',
  'small-blocks',
  'no-forward-secrecy',
  'no-aead',
  'weak-dh',
  'weak-key',
  'broken-key',
  'md5',
  'chain',
  'compression',
  'renegotiation',
  'hsts',
] as const
export type RuleName = (typeof ruleNames)[number]

type Applied = readonly (readonly [Grade, string])[]

const rules: Readonly<Record<RuleName, (seen: Seen) => Applied>> = {
  untrusted: ({ chains }) =>
    textsOf(chains, ['unreadable', 'expired', 'not-yet-valid', 'self-signed', 'untrusted', 'sha1']).map(
      text => ['T', text],
    ),
  name: ({ chains }) => textsOf(chains, ['name']).map(text => ['M', text]),
  ssl2: seen =>
    when(
      offers(seen, 'SSLv2'),
      'F',
      'SSL 2 is offered, with which sessions of newer protocols can be opened (DROWN)',
    ),
  ssl3: seen => {
    const blocks = offered(seen).some(({ name, suites }) => name === 'SSLv3' && suites.some(isCbc))
    return when(
      offers(seen, 'SSLv3'),
      blocks ? 'C' : 'B',
      blocks
        ? 'SSL 3 is offered, whose block ciphers give away their content (POODLE)'
        : 'SSL 3 is offered, which was given up in 2015',
    )
  },
  tls10: seen =>
    when(offers(seen, 'TLSv1.0'), 'B', 'TLS 1.0 is offered, which was given up in 2021 (RFC 8996)'),
  tls11: seen =>
    when(offers(seen, 'TLSv1.1'), 'B', 'TLS 1.1 is offered, which was given up in 2021 (RFC 8996)'),
  'no-tls12': seen =>
    when(!offers(seen, 'TLSv1.2') && !offers(seen, 'TLSv1.3'), 'C', 'neither TLS 1.2 nor TLS 1.3 is offered'),
  'no-tls13': seen => when(!offers(seen, 'TLSv1.3'), 'A-', 'TLS 1.3 is not offered'),
  null: seen => withSuites(seen, ({ cipher }) => cipher === 'null', 'F', 'nothing is encrypted'),
  anonymous: seen => withSuites(seen, ({ anonymous }) => anonymous, 'F', 'nobody proves who the server is'),
  export: seen =>
    withSuites(
      seen,
      ({ cipher }) => cipher === 'export',
      'F',
      'export ciphers, made to be broken (FREAK, Logjam)',
    ),
  'weak-cipher': seen =>
    withSuites(
      seen,
      ({ cipher }) => cipher === 'des' || cipher === 'rc2',
      'F',
      'ciphers that can be broken by trying',
    ),
  rc4: seen => {
    const isRc4 = ({ cipher }: CipherSuite) => cipher === 'rc4'
    const recent = offered(seen).some(({ name, suites }) => /1\.[123]$/.test(name) && suites.some(isRc4))
    const only = suitesOf(seen).every(isRc4)
    return withSuites(
      seen,
      isRc4,
      only ? 'F' : recent ? 'C' : 'B',
      only ? 'nothing but RC4' : 'RC4, which gives away its content bit by bit',
    )
  },
  'small-blocks': seen =>
    withSuites(
      seen,
      ({ cipher }) => cipher === '3des' || cipher === 'idea',
      'C',
      'blocks of 64 bits, which repeat in long connections (SWEET32)',
    ),
  'no-forward-secrecy': seen => {
    const without = modern(seen).filter(protocol => !taken(protocol, ({ forwardSecret }) => forwardSecret))
    return when(
      without.length > 0,
      'B',
      `clients of today get no forward secrecy in ${namesOf(without)}: who steals the key later can read all`,
    )
  },
  'no-aead': seen => {
    const without = modern(seen).filter(protocol => !taken(protocol, ({ aead }) => aead))
    return when(
      without.length > 0,
      'B',
      `clients of today get no authenticated encryption (GCM, ChaCha20) in ${namesOf(without)}`,
    )
  },
  'weak-dh': ({ scan }) => {
    const least = Math.min(...scan.primes.map(({ bits }) => bits))
    return when(least < 2_048, least < 1_024 ? 'F' : 'B', `the prime for Diffie-Hellman has ${least} bits`)
  },
  'weak-key': ({ chains }) =>
    chains.flatMap(({ leaf }): Applied => {
      if (leaf === undefined || leaf.key.rsaBits >= 2_048) return []
      return [[leaf.key.rsaBits < 1_024 ? 'F' : 'B', `the ${leaf.key.kind} key has ${leaf.key.bits} bits`]]
    }),
  'broken-key': ({ chains }) => textsOf(chains, ['broken-key']).map(text => ['F', text]),
  md5: ({ chains }) => textsOf(chains, ['md5']).map(text => ['F', text]),
  chain: ({ chains }) => textsOf(chains, ['incomplete']).map(text => ['B', text]),
  compression: ({ scan }) =>
    when(
      scan.older?.compression === true,
      'C',
      'TLS compresses, and the sizes give away what is inside (CRIME)',
    ),
  renegotiation: ({ scan }) =>
    when(scan.older?.secureRenegotiation === false, 'A-', 'secure renegotiation (RFC 5746) is not known'),
  hsts: ({ http }) => when(http !== undefined && !hasGoodHsts(http), 'A', hstsText(http)),
}

function when(applies: boolean, grade: Grade, text: string): Applied {
  return applies ? [[grade, text]] : []
}

function withSuites(
  seen: Seen,
  applies: (suite: CipherSuite) => boolean,
  grade: Grade,
  text: string,
): Applied {
  const names = [
    ...new Set(
      suitesOf(seen)
        .filter(applies)
        .map(({ name }) => name),
    ),
  ]
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return when(names.length > 0, grade, `${text}: ${shown}${more}`)
}

function textsOf(chains: readonly ChainReview[], kinds: readonly ChainFinding['kind'][]): readonly string[] {
  const texts = chains.flatMap(({ findings }) => findings.filter(({ kind }) => kinds.includes(kind)))
  return [...new Set(texts.map(({ text }) => text))]
}

function isCbc({ cipher, aead }: CipherSuite): boolean {
  return cipher !== 'rc4' && cipher !== 'null' && !aead
}

function namesOf(protocols: readonly ProtocolScan[]): string {
  return protocols.map(({ name }) => shownProtocol(name)).join(' and ')
}

/** `TLS 1.2`, `SSL 3`. */
export function shownProtocol(name: ProtocolName): string {
  return name.replace(/^(TLS|SSL)v/, '$1 ')
}

function hasGoodHsts({ hsts }: HttpSeen): boolean {
  return hsts !== undefined && hsts !== 'invalid' && hsts.maxAgeSeconds >= leastHstsSeconds
}

function hstsText(http: HttpSeen | undefined): string {
  if (http?.spoken === false)
    return 'whether browsers are told to come by HTTPS only (HSTS) could not be seen'
  if (http?.hsts === undefined) return 'browsers are not told to come by HTTPS only (no HSTS)'
  if (http.hsts === 'invalid') return 'the header for HSTS cannot be read, and browsers ignore it'
  return `HSTS lasts ${formatDuration(http.hsts.maxAgeSeconds * 1000)}; 180 d are needed`
}
