import assert from 'node:assert/strict'
import test from 'node:test'
import { parseIdentifier } from '../../acme/identifier.ts'
import { AppError } from '../../base/errors.ts'
import type { SolverChallenge } from '../../contracts/solver.ts'
import type { HttpExchange, HttpReply } from '../../runtime/http.ts'
import { fakeResolver, textReply } from '../../testing/fake-network.ts'
import { challengePath } from './http-01.ts'
import { selfCheckHttp01 } from './http-01-self-check.ts'

const signal = AbortSignal.timeout(30_000)
const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const keyAuthorization = `${token}.kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k`
const path = challengePath(token)
const four = '192.0.2.1'
const six = '2001:db8::1'

/** What one address does: a reply, an error or its code in the system, or a script by URL. */
type Behaviour = HttpReply | AppError | string | ((url: string) => HttpReply | string)

const good = textReply(200, `${keyAuthorization}\n \r\n`, { 'content-type': 'text/plain' })
const nginx = { server: 'nginx/1.22.1' }
const redirect = (location: string, status = 301): HttpReply => textReply(status, '', { location, ...nginx })

function failure(code: string): AppError {
  if (code === 'too large') return new AppError('ERR_REPLY_TOO_LARGE', 'larger than 65536 bytes')
  if (code === 'timeout') return new AppError('ERR_TIMEOUT', 'no answer in time')
  const cause = Object.assign(new Error(code), { code })
  return new AppError('ERR_NETWORK', `cannot connect: ${code}`, { cause })
}

/** A network of addresses; what is not in it has no route. */
function network(behaviours: Readonly<Record<string, Behaviour>>): HttpExchange {
  return async (url, { address = '', method }) => {
    assert.equal(method, 'GET')
    const behaviour = behaviours[address] ?? 'EHOSTUNREACH'
    const result = typeof behaviour === 'function' ? behaviour(url) : behaviour
    if (typeof result === 'string') throw failure(result)
    if (result instanceof AppError) throw result
    return result
  }
}

type Case = {
  readonly name: string
  readonly behaviours: Readonly<Record<string, Behaviour>>
  readonly names?: Readonly<Record<string, readonly string[]>>
  readonly identifier?: string
  readonly webroot?: string | undefined
  readonly port?: number
  readonly outcome: 'visible' | 'unknown' | 'wrong'
  readonly text?: RegExp
  readonly hint?: RegExp
}

/** A server that sends every request for `from` on to `to`, where the response is. */
const sendsOn =
  (from: string, to: string, status = 301): Behaviour =>
  url =>
    url === from ? redirect(to, status) : url === to ? good : textReply(404, '')

const url = `http://a.test${path}`
const cases: readonly Case[] = [
  { name: 'the response', behaviours: { [four]: good }, outcome: 'visible' },
  {
    name: 'the response at both kinds of address',
    names: { 'a.test': [six, four] },
    behaviours: { [four]: good, [six]: good },
    outcome: 'visible',
  },
  {
    name: 'an IPv4 identifier, without DNS',
    identifier: four,
    behaviours: { [four]: asked => (asked === `http://${four}${path}` ? good : 'timeout') },
    outcome: 'visible',
  },
  {
    name: 'an IPv6 identifier, in brackets',
    identifier: six,
    behaviours: { [six]: asked => (asked === `http://[${six}]${path}` ? good : 'timeout') },
    outcome: 'visible',
  },
  {
    name: 'another port than 80',
    port: 5002,
    behaviours: { [four]: asked => (asked === `http://a.test:5002${path}` ? good : 'timeout') },
    outcome: 'visible',
  },
  {
    name: 'no address at all',
    names: {},
    behaviours: {},
    outcome: 'wrong',
    text: /a\.test has no address in DNS/,
    hint: /A or AAAA record for a\.test/,
  },
  {
    name: 'nothing listens, webroot',
    webroot: '/srv/www',
    behaviours: { [four]: 'ECONNREFUSED' },
    outcome: 'wrong',
    text: /^nothing listens at http:\/\/a\.test\/\S+ at 192\.0\.2\.1$/,
    hint: /start the web server on port 80/,
  },
  {
    name: 'nothing listens, standalone',
    behaviours: { [four]: 'ECONNREFUSED' },
    outcome: 'wrong',
    hint: /leads to this machine and that no firewall/,
  },
  {
    name: 'nothing listens on IPv6 only: the CA goes on to IPv4',
    names: { 'a.test': [six, four] },
    behaviours: { [four]: good, [six]: 'ECONNREFUSED' },
    outcome: 'unknown',
    text: /^nothing listens at \S+ at 2001:db8::1$/,
  },
  {
    name: 'no IPv6 from here',
    names: { 'a.test': [six, four] },
    behaviours: { [four]: good },
    outcome: 'unknown',
    text: /2001:db8::1 cannot be reached: .*EHOSTUNREACH/,
  },
  {
    name: 'no answer in time',
    behaviours: { [four]: 'timeout' },
    outcome: 'unknown',
    text: /no answer in time/,
  },
  ...[
    `GET ${url}: no answer came within 10 s`,
    'cannot connect to a.test:80 at 192.0.2.1: no answer came within 10 s',
  ].map(message => ({
    name: `the error "${message}"`,
    behaviours: { [four]: new AppError('ERR_REPLY_LOST', message) },
    outcome: 'unknown' as const,
    text: /^http:\/\/a\.test\S+ at 192\.0\.2\.1 cannot be reached: no answer came within 10 s$/,
  })),
  {
    name: 'the same at both kinds of address',
    names: { 'a.test': [six, four] },
    behaviours: { [four]: textReply(404, ''), [six]: textReply(404, '') },
    outcome: 'wrong',
    text: /^http:\S+ at 2001:db8::1 answers 404; 192\.0\.2\.1 answers 404$/,
  },
  {
    name: '404 of nginx, webroot',
    webroot: '/srv/www',
    behaviours: { [four]: textReply(404, 'x', nginx) },
    outcome: 'wrong',
    text: /answers 404 \(the server is nginx\/1\.22\.1\)/,
    hint: /nginx does not look in \/srv\/www .*certwright tls snippet nginx --challenge --webroot \/srv\/www$/,
  },
  {
    name: '404 of another server, webroot',
    webroot: '/srv/www/',
    behaviours: { [four]: textReply(404, 'x', { server: 'Apache\u001b[2J' }) },
    outcome: 'wrong',
    text: /the server is Apache\\u\{1b\}/,
    hint: /files in \/srv\/www\/\.well-known\/acme-challenge\//,
  },
  {
    name: '404, standalone',
    behaviours: { [four]: textReply(404, 'x') },
    outcome: 'wrong',
    text: /answers 404$/,
    hint: /another server answers there/,
  },
  {
    name: '401',
    behaviours: { [four]: textReply(401, '') },
    outcome: 'wrong',
    text: /\(401\)/,
    hint: /access rules/,
  },
  {
    name: '403',
    behaviours: { [four]: textReply(403, '') },
    outcome: 'wrong',
    text: /\(403\)/,
    hint: /access rules/,
  },
  {
    name: '502',
    behaviours: { [four]: textReply(502, '') },
    outcome: 'wrong',
    text: /answers 502/,
    hint: /log/,
  },
  {
    name: 'a redirect that CAs do not follow',
    behaviours: { [four]: sendsOn(url, `http://a.test/x`, 303) },
    outcome: 'wrong',
    text: /answers 303/,
  },
  ...[301, 302, 307, 308].map(status => ({
    name: `a redirect (${status}) to where the response is`,
    behaviours: { [four]: sendsOn(url, `http://a.test/other${path}`, status) },
    outcome: 'visible' as const,
  })),
  {
    name: 'a relative redirect',
    behaviours: {
      [four]: (asked: string) => (asked === url ? redirect('/x') : asked.endsWith('/x') ? good : 'timeout'),
    },
    outcome: 'visible',
  },
  {
    name: 'a redirect to HTTPS that has the response',
    behaviours: { [four]: sendsOn(url, `https://a.test${path}`) },
    outcome: 'visible',
  },
  {
    name: 'a redirect to HTTPS that does not have it',
    webroot: '/srv/www',
    behaviours: {
      [four]: asked => (asked === url ? redirect(`https://a.test${path}`) : textReply(404, '', nginx)),
    },
    outcome: 'wrong',
    text: /^https:\/\/a\.test\S+ \(by redirect, from 192\.0\.2\.1\) answers 404/,
    hint: /exempt \/\.well-known\/acme-challenge\/ from redirects; for nginx, .*snippet/,
  },
  {
    name: 'a redirect to HTTPS with a certificate that is not trusted',
    behaviours: {
      [four]: asked => (asked === url ? redirect(`https://a.test${path}`) : 'DEPTH_ZERO_SELF_SIGNED_CERT'),
    },
    outcome: 'unknown',
    text: /does not show a trusted certificate; the CA follows the redirect without checking/,
  },
  {
    name: 'a redirect to where nothing listens',
    behaviours: { [four]: asked => (asked === url ? redirect(`https://a.test${path}`) : 'ECONNREFUSED') },
    outcome: 'wrong',
    text: /the redirect leads to https:\/\/a\.test.*, where nothing listens/,
  },
  {
    name: 'a redirect to another host',
    names: { 'a.test': [four], 'b.test': ['2001:db8::2', '192.0.2.2'] },
    behaviours: { [four]: redirect('http://b.test/x'), '192.0.2.2': good },
    outcome: 'visible',
  },
  {
    name: 'a redirect to a host without address',
    behaviours: { [four]: redirect('http://b.test/x') },
    outcome: 'wrong',
    text: /redirects to b\.test, which has no address/,
  },
  {
    name: 'a redirect to a port that CAs do not visit',
    behaviours: { [four]: redirect('http://a.test:8080/x') },
    outcome: 'wrong',
    text: /ports 80 and 443/,
  },
  {
    name: 'the same with a private CA that looks elsewhere anyway',
    port: 5002,
    behaviours: {
      [four]: asked => (asked === 'http://a.test:8080/x' ? good : redirect('http://a.test:8080/x')),
    },
    outcome: 'visible',
  },
  {
    name: 'a redirect in a circle',
    behaviours: { [four]: asked => redirect(asked === url ? '/x' : url) },
    outcome: 'wrong',
    text: /in a circle/,
  },
  {
    name: 'redirects without end',
    behaviours: { [four]: asked => redirect(`${asked}x`) },
    outcome: 'wrong',
    text: /more than 10 times/,
  },
  ...['ftp://a.test/', 'http://[/', 'javascript:1'].map(location => ({
    name: `a redirect to ${location}`,
    behaviours: { [four]: redirect(location) },
    outcome: 'wrong' as const,
    text: /which is (?:not HTTP|no URL)/,
  })),
  {
    name: 'a web page by its type',
    webroot: '/srv/www',
    behaviours: { [four]: textReply(200, 'hello', { 'content-type': 'text/html; charset=utf-8' }) },
    outcome: 'wrong',
    text: /answers with a web page/,
    hint: /exempt .* from what the application answers/,
  },
  {
    name: 'a web page by its looks',
    behaviours: { [four]: textReply(200, '\n<!DOCTYPE html><title>x') },
    outcome: 'wrong',
    text: /answers with a web page/,
  },
  { name: 'a large document', behaviours: { [four]: 'too large' }, outcome: 'wrong', text: /large document/ },
  {
    name: 'another account',
    behaviours: { [four]: textReply(200, `${token}.other`) },
    outcome: 'wrong',
    text: /another ACME account/,
    hint: /another ACME client/,
  },
  {
    name: 'another text',
    behaviours: { [four]: textReply(200, 'x\u001b[31m') },
    outcome: 'wrong',
    text: /answers "x\\u\{1b\}\[31m" instead/,
  },
  {
    name: 'an empty file',
    behaviours: { [four]: textReply(200, '') },
    outcome: 'wrong',
    text: /answers nothing/,
  },
  {
    name: 'a byte order mark',
    behaviours: { [four]: textReply(200, `\ufeff${keyAuthorization}`) },
    outcome: 'wrong',
    text: /instead of the challenge response/,
  },
  {
    name: 'IPv6 with another answer than IPv4',
    names: { 'a.test': [six, four] },
    behaviours: { [four]: good, [six]: textReply(404, '') },
    outcome: 'wrong',
    text: /^http:\S+ at 2001:db8::1 answers 404$/,
    hint: /IPv6 and IPv4 lead to different answers.*AAAA/,
  },
  {
    name: 'one wrong address among several of a kind',
    names: { 'a.test': [four, '192.0.2.2'] },
    behaviours: { [four]: good, '192.0.2.2': textReply(404, '') },
    outcome: 'wrong',
    text: /^http:\S+ at 192\.0\.2\.2 answers 404$/,
    hint: /^another server/,
  },
]

for (const { name, names, identifier, webroot, port = 80, outcome, text, hint, behaviours } of cases) {
  test(`${name}: ${outcome}`, async () => {
    const challenge: SolverChallenge = {
      identifier: parseIdentifier(identifier ?? 'a.test'),
      token,
      keyAuthorization,
    }
    const runtime = { http: network(behaviours), resolver: fakeResolver(names ?? { 'a.test': [four] }) }
    const setup = { port, ...(webroot !== undefined && { webroot }), signal }
    const result = await selfCheckHttp01(challenge, setup, runtime)
    assert.equal(result.outcome, outcome, JSON.stringify(result))
    if (text !== undefined) assert.match(result.outcome === 'visible' ? '' : result.text, text)
    if (hint !== undefined) assert.match(result.outcome === 'wrong' ? result.hint : '', hint)
  })
}

const anyone: SolverChallenge = { identifier: parseIdentifier('a.test'), token, keyAuthorization }

test('a resolver that does not answer leaves it unknown', async () => {
  const addresses = () => Promise.reject(new AppError('ERR_TIMEOUT', 'no DNS server answered'))
  const result = await selfCheckHttp01(
    anyone,
    { port: 80, signal },
    { http: network({}), resolver: { addresses } },
  )
  assert.deepEqual(result, { outcome: 'unknown', text: 'no DNS server answered' })
})

test('cancelling is an error, not a result', async () => {
  const http: HttpExchange = () => Promise.reject(new AppError('ERR_ABORTED', 'cancelled'))
  const runtime = { http, resolver: fakeResolver({ 'a.test': [four] }) }
  await assert.rejects(selfCheckHttp01(anyone, { port: 80, signal }, runtime), { code: 'ERR_ABORTED' })
})
