import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Identifier } from '../../acme/identifier.ts'
import { keyAuthorization } from '../../acme/key-authorization.ts'
import { type ProblemType, problemPrefix } from '../../acme/problem.ts'
import { AppError } from '../../base/errors.ts'
import type { HttpReply, HttpRequest } from '../../runtime/http.ts'
import { fakeClock } from '../../testing/fake-clock.ts'
import { textReply } from '../../testing/fake-network.ts'
import { createValidate } from './validate.ts'

const token = 'DGyRejmCefe7v4NfDGDKfA'
const thumbprint = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
const proof = keyAuthorization(token, thumbprint)
const path = `/.well-known/acme-challenge/${token}`
const www: Identifier = { type: 'dns', value: 'www.example.com' }

const [v4, v6, otherV4, otherV6] = ['198.41.0.4', '2001:503:ba3e::2:30', '199.9.14.201', '2801:1b8:10::b']

type Row = {
  readonly name: string
  readonly identifier?: Identifier
  /** Addresses by name, or the error of the resolver; by default one public IPv4 address. */
  readonly dns?: Readonly<Record<string, readonly string[] | Error>>
  /** Replies by URL, or by `URL at address`; nothing listens elsewhere. */
  readonly web: Readonly<Record<string, HttpReply | Error>>
  /** What is wrong, and what its text must have in it; nothing when the identifier is proven. */
  readonly problem?: readonly [ProblemType, RegExp]
  /** The requests in order, as `URL at address`. */
  readonly visits?: readonly string[]
  readonly allowed?: readonly string[]
  readonly httpPort?: number
}

const url = `http://www.example.com${path}`
const ok = textReply(200, proof)
const redirect = (location: string, status = 302) => textReply(status, '', { location })
const refused = new AppError('ERR_NETWORK', 'nothing listens there')
const late = new AppError('ERR_TIMEOUT', 'no connection in time')
const lost = new AppError('ERR_REPLY_LOST', 'the connection broke')
const tooLarge = new AppError('ERR_REPLY_TOO_LARGE', 'larger than 16384 bytes')
const both = { 'www.example.com': [v6, v4] }

const rows: readonly Row[] = [
  // What proves an identifier
  { name: 'the file is there', web: { [url]: ok }, visits: [`${url} at ${v4}`] },
  { name: 'white space follows', web: { [url]: textReply(200, `${proof} \r\n\n`) } },
  {
    name: 'an IPv4 address',
    identifier: { type: 'ip', value: v4 },
    web: { [`http://${v4}${path}`]: ok },
    visits: [`http://${v4}${path} at ${v4}`],
  },
  {
    name: 'an IPv6 address',
    identifier: { type: 'ip', value: v6 },
    web: { [`http://[${v6}]${path}`]: ok },
    visits: [`http://[${v6}]${path} at ${v6}`],
  },
  {
    name: 'another port in tests',
    web: { [`http://www.example.com:5002${path}`]: ok },
    httpPort: 5002,
  },

  // Wrong content
  {
    name: 'the file is missing',
    web: { [url]: textReply(404, 'no') },
    problem: ['unauthorized', /198\.41\.0\.4.*404.*"no"/],
  },
  {
    name: 'the server fails',
    web: { [url]: textReply(500, '') },
    problem: ['unauthorized', /500 and nothing/],
  },
  {
    name: 'right content with a wrong status',
    web: { [url]: textReply(403, proof) },
    problem: ['unauthorized', /403/],
  },
  { name: 'created in place of ok', web: { [url]: textReply(201, proof) }, problem: ['unauthorized', /201/] },
  {
    name: 'an empty file',
    web: { [url]: textReply(200, '') },
    problem: ['unauthorized', /has nothing in place/],
  },
  {
    name: 'the token alone',
    web: { [url]: textReply(200, token) },
    problem: ['unauthorized', /in place of the key/],
  },
  {
    name: "another account's thumbprint",
    web: { [url]: textReply(200, `${token}.x`) },
    problem: ['unauthorized', /has "/],
  },
  {
    name: 'white space before',
    web: { [url]: textReply(200, ` ${proof}`) },
    problem: ['unauthorized', /has "/],
  },
  {
    name: 'something after',
    web: { [url]: textReply(200, `${proof}x`) },
    problem: ['unauthorized', /has "/],
  },
  {
    name: 'another case',
    web: { [url]: textReply(200, proof.toUpperCase()) },
    problem: ['unauthorized', /has "/],
  },
  {
    name: 'a long page, of which little is shown, and nothing that could act on a terminal',
    web: { [url]: textReply(200, `\u001b[2J<html>${'x'.repeat(500)}`) },
    problem: ['unauthorized', /has "\\u\{1b\}\[2J<html>x{54}…"/],
  },
  { name: 'a page without end', web: { [url]: tooLarge }, problem: ['incorrectResponse', /larger than/] },

  // DNS
  { name: 'no such name', dns: {}, web: {}, problem: ['dns', /neither A nor AAAA/], visits: [] },
  {
    name: 'DNS fails',
    dns: { 'www.example.com': new AppError('ERR_NETWORK', 'SERVFAIL') },
    web: {},
    problem: ['dns', /SERVFAIL/],
    visits: [],
  },
  {
    name: 'DNS is too slow',
    dns: { 'www.example.com': new AppError('ERR_TIMEOUT', 'no DNS server answered') },
    web: {},
    problem: ['dns', /no DNS server answered/],
  },

  // Two families
  { name: 'IPv6 comes first', dns: both, web: { [url]: ok }, visits: [`${url} at ${v6}`] },
  {
    name: 'IPv4 when IPv6 refuses the connection',
    dns: both,
    web: { [`${url} at ${v6}`]: refused, [`${url} at ${v4}`]: ok },
    visits: [`${url} at ${v6}`, `${url} at ${v4}`],
  },
  {
    name: 'IPv4 when IPv6 does not answer',
    dns: both,
    web: { [`${url} at ${v6}`]: late, [`${url} at ${v4}`]: ok },
    visits: [`${url} at ${v6}`, `${url} at ${v4}`],
  },
  {
    name: 'never IPv4 when IPv6 breaks off',
    dns: both,
    web: { [`${url} at ${v6}`]: lost, [`${url} at ${v4}`]: ok },
    problem: ['connection', /2001:503:ba3e::2:30.*broke/],
    visits: [`${url} at ${v6}`],
  },
  {
    name: 'never IPv4 when IPv6 answers wrongly',
    dns: both,
    web: { [`${url} at ${v6}`]: textReply(404, ''), [`${url} at ${v4}`]: ok },
    problem: ['unauthorized', /404/],
    visits: [`${url} at ${v6}`],
  },
  {
    name: 'one address of each family is enough',
    dns: { 'www.example.com': [v6, otherV6, v4, otherV4] },
    web: {},
    problem: ['connection', /198\.41\.0\.4.*nothing listens/],
    visits: [`${url} at ${v6}`, `${url} at ${v4}`],
  },
  { name: 'nothing listens', web: {}, problem: ['connection', /nothing listens/] },

  // Addresses that are not public
  ...['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fe80::1'].map(
    (address): Row => ({
      name: `never ${address}`,
      dns: { 'www.example.com': [address] },
      web: { [url]: ok },
      problem: ['connection', /does not connect to/],
      visits: [],
    }),
  ),
  {
    name: 'never a private address that was ordered as such',
    identifier: { type: 'ip', value: '10.0.0.1' },
    web: { [`http://10.0.0.1${path}`]: ok },
    problem: ['connection', /does not connect to 10\.0\.0\.1/],
    visits: [],
  },
  {
    name: 'the public address of two',
    dns: { 'www.example.com': ['fe80::1', v4] },
    web: { [url]: ok },
    visits: [`${url} at ${v4}`],
  },
  {
    name: 'a private address that was allowed',
    dns: { 'www.example.com': ['10.1.2.3'] },
    web: { [url]: ok },
    allowed: ['10.0.0.0/8'],
    visits: [`${url} at 10.1.2.3`],
  },

  // Redirects
  ...[301, 302, 307, 308].map(
    (status): Row => ({
      name: `a redirect with ${status}`,
      dns: { ...both, 'other.example.com': [otherV4] },
      web: { [url]: redirect('http://other.example.com/x', status), 'http://other.example.com/x': ok },
      visits: [`${url} at ${v6}`, `http://other.example.com/x at ${otherV4}`],
    }),
  ),
  ...[300, 303, 304, 305, 306].map(
    (status): Row => ({
      name: `no redirect with ${status}`,
      web: { [url]: redirect('/x', status), 'http://www.example.com/x': ok },
      problem: ['unauthorized', new RegExp(`${status}`)],
    }),
  ),
  {
    name: 'a relative redirect',
    web: { [url]: redirect('/x?y=1#z'), 'http://www.example.com/x?y=1': ok },
  },
  {
    name: 'a redirect to https',
    web: { [url]: redirect(`https://www.example.com${path}`), [`https://www.example.com${path}`]: ok },
  },
  {
    name: 'a redirect to an address',
    web: { [url]: redirect(`http://${otherV4}/x`), [`http://${otherV4}/x`]: ok },
    visits: [`${url} at ${v4}`, `http://${otherV4}/x at ${otherV4}`],
  },
  {
    name: 'a redirect without a port, where the port is another one',
    web: {
      [`http://www.example.com:5002${path}`]: redirect('http://www.example.com/x'),
      'http://www.example.com:5002/x': ok,
    },
    httpPort: 5002,
  },
  {
    name: 'no second family after a redirect',
    dns: { ...both, 'other.example.com': [otherV6, otherV4] },
    web: { [url]: redirect('http://other.example.com/'), [`http://other.example.com/ at ${otherV4}`]: ok },
    problem: ['connection', /2801:1b8:10::b/],
  },
  {
    name: 'a circle',
    web: { [url]: redirect('/a'), 'http://www.example.com/a': redirect(path) },
    problem: ['incorrectResponse', /circle/],
  },
  {
    name: 'ten redirects',
    web: {
      [url]: redirect('/1'),
      ...Object.fromEntries(
        Array.from({ length: 9 }, (_, i) => [`http://www.example.com/${i + 1}`, redirect(`/${i + 2}`)]),
      ),
      'http://www.example.com/10': ok,
    },
  },
  {
    name: 'eleven redirects',
    web: {
      [url]: redirect('/1'),
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, i) => [`http://www.example.com/${i + 1}`, redirect(`/${i + 2}`)]),
      ),
      'http://www.example.com/11': ok,
    },
    problem: ['incorrectResponse', /more than 10 redirects/],
  },
  ...(
    [
      ['', /circle/],
      ['http://', /without saying where/],
      ['ftp://www.example.com/x', /neither http nor https/],
      ['file:///etc/passwd', /neither http nor https/],
      ['javascript:alert(1)', /neither http nor https/],
      ['http://www.example.com:22/', /port other than/],
      ['http://www.example.com:8080/', /port other than/],
      ['http://user:pass@www.example.com/', /user name/],
      ['http://localhost/', /no public name/],
      ['http://intranet/', /no public name/],
      [`/${'x'.repeat(2_001)}`, /longer than 2000/],
    ] as const
  ).map(
    ([location, pattern]): Row => ({
      name: `a redirect to "${location.slice(0, 40)}"`,
      web: { [url]: redirect(location) },
      problem: ['incorrectResponse', pattern],
      visits: [`${url} at ${v4}`],
    }),
  ),
  {
    name: 'a redirect without Location',
    web: { [url]: textReply(302, proof) },
    problem: ['incorrectResponse', /without saying where/],
  },
  ...[
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://169.254.169.254/latest',
    'http://[::ffff:10.0.0.1]/',
  ].map(
    (location): Row => ({
      name: `a redirect into the inside: ${location}`,
      web: { [url]: redirect(location), [location]: ok },
      problem: ['connection', /does not connect to/],
      visits: [`${url} at ${v4}`],
    }),
  ),
  {
    name: 'a redirect to a name that leads inside',
    dns: { ...both, 'inside.example.com': ['10.0.0.1'] },
    web: { [url]: redirect('http://inside.example.com/'), 'http://inside.example.com/': ok },
    problem: ['connection', /10\.0\.0\.1/],
  },
]

describe('http-01', () => {
  for (const row of rows) {
    it(`${row.name}: ${row.problem?.[0] ?? 'proven'}`, async () => {
      const { problem, visits } = await run(row)
      if (row.problem === undefined) assert.equal(problem, undefined)
      else {
        assert.equal(problem?.type, problemPrefix + row.problem[0], problem?.detail)
        assert.match(problem?.detail ?? '', row.problem[1])
      }
      if (row.visits !== undefined)
        assert.deepEqual(
          visits.map(({ where }) => where),
          row.visits,
        )
    })
  }

  it('sends a plain GET with the name as Host, whatever the port', async () => {
    const { visits } = await run({ name: '', web: {}, httpPort: 5002 })
    const request = visits[0]?.request
    assert.deepEqual(
      [request?.method, request?.headers?.['Host'], request?.body],
      ['GET', 'www.example.com', undefined],
    )
    assert.equal(request?.anyCertificate, true)
    const { visits: byAddress } = await run({ name: '', identifier: { type: 'ip', value: v6 }, web: {} })
    assert.equal(byAddress[0]?.request.headers?.['Host'], `[${v6}]`)
  })

  it('does not tell what went wrong on this side', async () => {
    const bug = new TypeError('undefined is not a function')
    for (const row of [
      { name: '', web: { [url]: bug } },
      { name: '', web: {}, dns: { 'www.example.com': bug } },
    ]) {
      const { problem, events } = await run(row)
      assert.equal(problem?.type, `${problemPrefix}serverInternal`)
      assert.doesNotMatch(problem?.detail ?? '', /undefined/)
      assert.deepEqual(events, ['validation-failed'])
    }
  })

  it('asks DNS again at every redirect', async () => {
    const { asked } = await run({ name: '', web: { [url]: redirect('/x'), 'http://www.example.com/x': ok } })
    assert.deepEqual(asked, ['www.example.com', 'www.example.com'])
  })
})

async function run({
  identifier = www,
  dns = { 'www.example.com': [v4] },
  web,
  allowed = [],
  httpPort,
}: Row) {
  const visits: { readonly where: string; readonly request: HttpRequest }[] = []
  const asked: string[] = []
  const events: string[] = []
  const validate = createValidate(
    { allowedNetworks: allowed, ...(httpPort === undefined ? {} : { httpPort }) },
    {
      clock: fakeClock(),
      log: (_, event) => void events.push(event),
      resolver: {
        addresses: async name => {
          asked.push(name)
          const found = dns[name] ?? []
          if (found instanceof Error) throw found
          return found
        },
      },
      http: async (url, request) => {
        const where = `${url} at ${request.address}`
        visits.push({ where, request })
        const reply = web[where] ?? web[url] ?? refused
        if (reply instanceof Error) throw reply
        return reply
      },
    },
  )
  const challenge = { type: 'http-01', identifier, token, thumbprint } as const
  const problem = await validate(challenge, { signal: new AbortController().signal })
  return { problem, visits, asked, events }
}
