/** A grade for people: the letter, what was seen, what to change. Pure. */
import { formatDuration } from '../base/duration.ts'
import { dayMs } from '../base/instant.ts'
import { printable } from '../base/printable.ts'
import { adviceFor, snippetFor } from '../tls-scan/advice.ts'
import type { ChainReview } from '../tls-scan/chain-review.ts'
import type { GradedEndpoint } from '../tls-scan/grade.ts'
import type { Grade } from '../tls-scan/grades.ts'
import { isWorse } from '../tls-scan/grades.ts'
import { shownProtocol } from '../tls-scan/rate.ts'
import type { ProtocolScan } from '../tls-scan/scan-result.ts'
import { formatTable } from './table.ts'
import { styled, whenText } from './text.ts'

type Look = { readonly color: boolean; readonly verbose: boolean }

/** One screen about one server. */
export function gradeText(graded: GradedEndpoint, { color, verbose }: Look): string {
  const { target, http, rating } = graded
  const name = target.serverName ?? target.host
  const place = [...new Set([target.host, target.address])].filter(one => one !== name)
  const facts = [...place, ...(http?.server === undefined ? [] : [http.server])]
  const port = target.startTls === undefined ? `:${target.port}` : `:${target.port} (${target.startTls})`
  const grade = styled(color, colorOf(rating.grade), rating.grade)
  const head = `${grade}  ${printable(name)}${port}${facts.length === 0 ? '' : `  ${facts.join(', ')}`}`
  return [head, '', formatTable(rowsOf(graded, verbose)), ...changes(graded, color), ...notes(graded)].join(
    '\n',
  )
}

function colorOf(grade: Grade): 'green' | 'yellow' | 'red' {
  if (!isWorse(grade, 'A-')) return 'green'
  return isWorse(grade, 'B') ? 'red' : 'yellow'
}

function rowsOf(graded: GradedEndpoint, verbose: boolean): readonly (readonly string[])[] {
  const { scan, chains, rating } = graded
  const newestFirst = scan.protocols.toReversed()
  const offered = newestFirst.filter(protocol => protocol.offered)
  const refused = newestFirst.filter(protocol => !protocol.offered)
  const { protocol, keyExchange, cipher, total } = rating.scores
  const alone = isWorse(rating.grade, 'F') ? `; the settings alone: ${rating.gradeOfSettings}` : ''
  return [
    ['protocols', `${listed(offered)}; not ${listed(refused)}`],
    ...offered.map(one => [`  ${shownProtocol(one.name)}`, suitesText(one, verbose)]),
    ['groups', groupsText(graded)],
    ...chains.flatMap(chain => certificateRows(chain, graded)),
    ...httpRows(graded),
    ...otherRows(graded),
    [
      'scores',
      `protocol ${protocol}, key exchange ${keyExchange}, cipher ${cipher}: ${total} of 100${alone}`,
    ],
  ]
}

function listed(protocols: readonly ProtocolScan[]): string {
  return protocols.length === 0 ? 'others' : protocols.map(({ name }) => shownProtocol(name)).join(', ')
}

/** So many names stand in a line of the screen. */
const namesShown = 3

function suitesText({ suites, oldCiphers, order }: ProtocolScan, verbose: boolean): string {
  const names = [...suites.map(({ name }) => name.replace(/^TLS_/, '').replace('_WITH_', '_')), ...oldCiphers]
  const decides = order === undefined ? '' : `, the ${order} chooses`
  const shown = verbose ? names : names.slice(0, namesShown)
  const more = names.length > shown.length ? `, and ${names.length - shown.length} more` : ''
  return `${names.length} suite${names.length === 1 ? '' : 's'}${decides}: ${shown.join(', ')}${more}`
}

function groupsText({ scan }: GradedEndpoint): string {
  const names = new Set(scan.protocols.toReversed().flatMap(({ groups }) => groups.map(({ name }) => name)))
  const primes = scan.primes.map(
    ({ bits, name }) => `DHE with ${name ?? 'a prime of its own'} (${bits} bits)`,
  )
  const shown = [...names, ...primes]
  return shown.length === 0 ? 'none' : shown.join(', ')
}

function certificateRows(chain: ChainReview, { at }: GradedEndpoint): readonly (readonly string[])[] {
  const { leaf, sent, findings } = chain
  const trusted = findings.every(({ kind }) => !seriousFindings.has(kind))
  const words = trusted ? ['trusted'] : findings.map(({ text }) => text)
  if (leaf === undefined) return [['certificate', words.join('; ')]]
  const { key, signature, names, notAfter } = leaf
  const shown = names.slice(0, namesShown).join(', ')
  const more = names.length > namesShown ? `, and ${names.length - namesShown} more` : ''
  return [
    ['certificate', `${shown === '' ? 'no name' : shown}${more}; ${key.kind} ${key.bits}, ${signature}`],
    ['', `from ${leaf.issuer}, until ${whenText(notAfter, at)}`],
    ['', `${sent} certificate${sent === 1 ? '' : 's'} sent; ${words.join('; ')}`],
  ]
}

const seriousFindings: ReadonlySet<string> = new Set([
  'unreadable',
  'name',
  'expired',
  'not-yet-valid',
  'self-signed',
  'untrusted',
  'incomplete',
  'sha1',
  'md5',
  'broken-key',
])

function httpRows({ http }: GradedEndpoint): readonly (readonly string[])[] {
  if (http === undefined) return []
  const { hsts, plain, spoken, failure } = http
  const policy = !spoken
    ? `not seen: ${printable(failure ?? '')}`
    : hsts === undefined
      ? 'none'
      : hsts === 'invalid'
        ? 'a header that cannot be read'
        : [
            formatDuration(hsts.maxAgeSeconds * 1_000),
            ...(hsts.includeSubDomains ? ['subdomains too'] : []),
            ...(hsts.preload ? ['preload'] : []),
          ].join(', ')
  const words = {
    'to-https': 'leads to https',
    elsewhere: 'leads elsewhere, and not to https',
    answers: 'answers without TLS',
    closed: 'does not answer',
  } as const
  return [['HSTS', policy], ...(plain === undefined ? [] : [['plain HTTP', words[plain]]])]
}

/** What only TLS 1.2 and older show. */
function otherRows({ scan: { older } }: GradedEndpoint): readonly (readonly string[])[] {
  if (older === undefined) return []
  const yesNo = (word: string, value: boolean) => `${value ? '' : 'no '}${word}`
  const words = [
    yesNo('secure renegotiation', older.secureRenegotiation),
    yesNo('compression', older.compression),
    ...(older.heartbeat ? ['heartbeat'] : []),
    yesNo('session tickets', older.sessionTickets),
    ...(older.fallbackSignal === undefined ? [] : [yesNo('fallback signal', older.fallbackSignal)]),
    yesNo('stapled OCSP', older.stapling),
    ...(older.application === undefined ? [] : [older.application]),
  ]
  return [['other', words.join(', ')]]
}

/** Every limit with what to do about it; what one setting mends stands together. */
function changes({ rating, http }: GradedEndpoint, color: boolean): readonly string[] {
  if (rating.limits.length === 0) return []
  const snippet = snippetFor(
    rating.limits.map(({ rule }) => rule),
    http?.server,
  )
  const mends = Map.groupBy(rating.limits, ({ rule }) => adviceFor(rule, http?.server))
  return [
    'to change for A+',
    ...[...mends].flatMap(([advice, limits]) => [
      ...limits.map(({ grade, text }) => `  ${styled(color, colorOf(grade), grade.padEnd(2))}  ${text}`),
      `      ${advice}`,
    ]),
    ...(snippet === undefined ? [] : [`  all settings at once: ${snippet}`]),
    '',
  ]
}

/** A certificate that lives this long should be renewed by now. */
const soonMs = 7 * dayMs

/** What does not change the grade. */
function notes({ at, chains, http, scan }: GradedEndpoint): readonly string[] {
  const found = [
    ...new Set(
      chains.flatMap(({ findings }) =>
        findings.filter(({ kind }) => !seriousFindings.has(kind)).map(({ text }) => text),
      ),
    ),
    ...chains.flatMap(({ leaf }) =>
      leaf !== undefined && leaf.notAfter > at && leaf.notAfter - at < soonMs
        ? [`the certificate ends in ${formatDuration(leaf.notAfter - at)}`]
        : [],
    ),
    ...(http?.plain === 'answers' || http?.plain === 'elsewhere'
      ? ['plain HTTP does not lead to https: send everything but /.well-known/acme-challenge/ there']
      : []),
    ...(scan.older?.heartbeat === true
      ? ['the heartbeat extension is on, which nobody needs and Heartbleed was about']
      : []),
  ]
  return found.map(text => `note: ${text}`)
}
