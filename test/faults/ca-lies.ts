/** A CA that answers what the protocol does not allow, or what nobody asked for, and one that cannot or will not. */
import { createPrivateKey } from 'node:crypto'
import { dayMs, hourMs, plusMs } from '../../src/base/instant.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { generateKey } from '../../src/x509/key.ts'
import { encodePem, parsePem } from '../../src/x509/pem.ts'
import { type CertificateTemplate, signCertificate } from '../../src/x509/signed-certificate.ts'
import type { CaAnswer, CaCall, CaResource } from '../support/memory-ca.ts'
import { problem, spoiled, strikeAt } from './ca-faults.ts'
import { allMoments, type Failing, type FaultCase } from './survive.ts'

type Lie = {
  readonly name: string
  readonly at: CaResource
  readonly answer: CaAnswer
  readonly fails?: Failing
  /** Whether it costs the certificate that was issued. */
  readonly spoils?: true
  readonly maxRequestsPerDay?: number
}

type Json = Readonly<Record<string, unknown>>

/** A JSON answer with other members; refusals stay as they are. */
function altered(change: (json: Json, call: CaCall) => Json): CaAnswer {
  return async call => {
    const reply = await call.good()
    if (reply.status >= 400) return reply
    const json = JSON.parse(new TextDecoder().decode(reply.body)) as Json // the good CA sends objects
    return { ...reply, body: new Uint8Array(Buffer.from(JSON.stringify(change(json, call)))) }
  }
}

/** A field in place of the good one, or none. */
function withField(name: string, value: string | undefined): CaAnswer {
  return spoiled(({ headers }) => {
    const fields = new Map(headers)
    if (value === undefined) fields.delete(name)
    else fields.set(name, value)
    return { headers: fields }
  })
}

const elsewhere = 'https://elsewhere.example/x'
const invalid = (...says: readonly RegExp[]): Failing => ({
  codes: ['ERR_REPLY_INVALID'],
  says: [/ca\.example/, ...says],
})
const order = (...says: readonly RegExp[]): Failing => ({ codes: ['ERR_ORDER'], says })
const refused = (...says: readonly RegExp[]): Failing => ({
  codes: ['ERR_ACME_PROBLEM'],
  says: [/ca\.example refused to/, ...says],
})
const mismatch = (...says: readonly RegExp[]): Failing => ({ codes: ['ERR_CERTIFICATE_MISMATCH'], says })
/** Looks at an order that never goes on: growing to one every 5 s, for ten minutes, five times a day. */
const manyLooks = 5 * (10 * 12 + 40) + 100

const lies: readonly Lie[] = [
  // --- orders
  {
    name: 'makes an order for other names',
    at: 'new-order',
    answer: altered(json => ({ ...json, identifiers: [{ type: 'dns', value: 'evil.example' }] })),
    fails: order(/was asked for a\.example, b\.example and made an order for evil\.example/),
  },
  {
    name: 'makes an order for fewer names',
    at: 'new-order',
    answer: altered(json => ({ ...json, identifiers: [{ type: 'dns', value: 'a.example' }] })),
    fails: order(/made an order for a\.example$/),
  },
  {
    name: 'sends us to another server to be authorized',
    at: 'new-order',
    answer: altered(json => ({ ...json, authorizations: [elsewhere] })),
    fails: invalid(/an authorization/, /elsewhere\.example/),
  },
  {
    name: 'sends us to another server to finalize',
    at: 'new-order',
    answer: altered(json => ({ ...json, finalize: elsewhere })),
    fails: invalid(/the finalize URL/, /elsewhere\.example/),
  },
  {
    name: 'does not say where the order is',
    at: 'new-order',
    answer: withField('location', undefined),
    fails: invalid(/no Location field/),
  },
  {
    name: 'says that the order is on another server',
    at: 'new-order',
    answer: withField('location', elsewhere),
    fails: invalid(/the Location/, /elsewhere\.example/),
  },
  {
    name: 'has a status for orders that nobody knows',
    at: 'new-order',
    answer: altered(json => ({ ...json, status: 'pondering' })),
    fails: invalid(/status/),
  },
  {
    name: 'says that an order is valid and has its certificate elsewhere',
    at: 'new-order',
    answer: altered(json => ({ ...json, status: 'valid', certificate: elsewhere })),
    fails: invalid(/the certificate/, /elsewhere\.example/),
  },
  {
    name: 'declares every order invalid',
    at: 'new-order',
    answer: altered(json => ({ ...json, status: 'invalid', error: { type: 'about:blank', detail: 'no' } })),
    fails: order(/declared the order invalid: no/),
  },
  {
    name: 'does not certify such names',
    at: 'new-order',
    answer: problem('rejectedIdentifier', { detail: 'a.example is on a list' }),
    fails: refused(/create an order for a\.example/, /on a list/),
  },
  {
    name: 'finds that CAA forbids it',
    at: 'new-order',
    answer: problem('caa', { detail: 'CAA of a.example' }),
    fails: refused(/CAA of a\.example/),
  },
  {
    name: 'wants somebody to read its terms again',
    at: 'new-order',
    answer: problem('userActionRequired', { detail: 'new terms' }),
    fails: refused(/new terms/),
  },
  // --- authorizations and challenges
  {
    name: 'wants control over another name proven',
    at: 'authorization',
    answer: altered(json => ({ ...json, identifier: { type: 'dns', value: 'victim.example' } })),
    fails: { codes: ['ERR_AUTHORIZATION'], says: [/control over victim\.example/] },
  },
  {
    name: 'offers only challenges that nobody can answer',
    at: 'authorization',
    answer: altered(json => ({
      ...json,
      challenges: [{ type: 'smoke-01', url: 'https://ca.example/c', status: 'pending' }],
    })),
    fails: { codes: ['ERR_CHALLENGE'], says: [/a\.example: the CA does not offer http-01/] },
  },
  {
    name: 'offers no challenge at all',
    at: 'authorization',
    answer: altered(json => ({ ...json, challenges: [] })),
    fails: { codes: ['ERR_CHALLENGE'], says: [/a\.example: the CA does not offer http-01/] },
  },
  ...['../../../etc/passwd', 'short', `${'a'.repeat(22)}/`, `${'a'.repeat(22)}\n`].map(
    (token): Lie => ({
      name: `makes ${JSON.stringify(token)} a token`,
      at: 'authorization',
      answer: altered(json => ({
        ...json,
        challenges: (json['challenges'] as readonly Json[]).map(challenge => ({ ...challenge, token })),
      })),
      fails: invalid(/read the authorization/, /token/),
    }),
  ),
  {
    name: 'has challenges on another server',
    at: 'authorization',
    answer: altered(json => ({
      ...json,
      challenges: (json['challenges'] as readonly Json[]).map(challenge => ({
        ...challenge,
        url: elsewhere,
      })),
    })),
    fails: invalid(/elsewhere\.example/),
  },
  {
    name: 'has a status for authorizations that nobody knows',
    at: 'authorization',
    answer: altered(json => ({ ...json, status: 'maybe' })),
    fails: invalid(/read the authorization/, /status/),
  },
  // --- orders under way
  {
    name: 'never gets on with an order',
    at: 'order',
    answer: altered(json => ({ ...json, status: 'processing' })),
    fails: order(/still processing after 10 min/),
    maxRequestsPerDay: manyLooks,
  },
  {
    name: 'asks to look at the order again in three hours',
    at: 'order',
    answer: async call => {
      const reply = await altered(json => ({ ...json, status: 'processing' }))(call)
      return { ...reply, headers: new Map([...reply.headers, ['retry-after', '10800']]) }
    },
    fails: { ...order(/still processing, and the CA asks to look again/), retryAfterMs: 3 * hourMs },
  },
  {
    name: 'forgets orders',
    at: 'order',
    answer: problem('malformed', { status: 404, detail: 'no such order' }),
    fails: refused(/read the order/, /no such order/),
  },
  {
    name: 'declares orders invalid when they are looked at',
    at: 'order',
    answer: altered(json => ({
      ...json,
      status: 'invalid',
      error: { type: 'about:blank', detail: 'tired' },
    })),
    fails: order(/declared the order invalid: tired/),
  },
  {
    name: 'does not like the CSR',
    at: 'finalize',
    answer: problem('badCSR', { status: 400, detail: 'ugly' }),
    fails: refused(/finalize the order/, /ugly/),
  },
  {
    name: 'says that a ready order is not ready',
    at: 'finalize',
    answer: problem('orderNotReady', { detail: 'wait' }),
    fails: refused(/finalize the order/, /wait/),
  },
  {
    name: 'answers finalize with an order that has failed',
    at: 'finalize',
    answer: altered(json => ({ ...json, status: 'invalid', error: { type: 'about:blank', detail: 'HSM' } })),
    fails: order(/declared the order invalid: HSM/),
    spoils: true,
  },
  {
    name: 'has the certificate on another server',
    at: 'finalize',
    answer: altered(json => ({ ...json, certificate: elsewhere })),
    fails: invalid(/the certificate/, /elsewhere\.example/),
  },
  // --- certificates
  certificate(
    'for another key',
    async (good, { key }) => resigned(good, { publicKey: await key }),
    /a key that is not ours/,
  ),
  certificate(
    'for another name',
    good => resigned(good, { identifiers: [{ type: 'dns', value: 'evil.example' }] }),
    /for evil\.example, not for a\.example, b\.example/,
  ),
  certificate(
    'for one name too many',
    good =>
      resigned(good, {
        identifiers: ['a.example', 'b.example', 'c.example'].map(value => ({ type: 'dns', value })),
      }),
    /for a\.example, b\.example, c\.example, not for/,
  ),
  certificate(
    'that has expired',
    (good, { now }) => resigned(good, { notBefore: plusMs(now, -2 * dayMs), notAfter: plusMs(now, -dayMs) }),
    /expired at/,
  ),
  certificate(
    'of the day after tomorrow',
    (good, { now }) =>
      resigned(good, { notBefore: plusMs(now, 2 * dayMs), notAfter: plusMs(now, 9 * dayMs) }),
    /not valid before/,
  ),
  certificate(
    'that lives for twelve years',
    (good, { now }) => resigned(good, { notAfter: plusMs(now, 12 * 366 * dayMs) }),
    /longer than ten years/,
  ),
  certificate('that is one of a CA', good => resigned(good, { ca: {} }), /one of a CA/),
  certificate('in the wrong order', good => good.chain.toReversed(), /key that is not ours|chain/),
  certificate(
    'with a chain that does not fit',
    ({ chain: [leaf = new Uint8Array()] }) => [leaf, leaf],
    /its chain is not good/,
  ),
]

type Good = { readonly chain: readonly Uint8Array[]; readonly call: CaCall }
type Means = { readonly now: CaCall['at']; readonly key: ReturnType<typeof generateKey> }

/** A certificate that is not what was asked for. */
function certificate(
  what: string,
  make: (good: Good, means: Means) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  says: RegExp,
): Lie {
  return {
    name: `sends a certificate ${what}`,
    at: 'certificate',
    answer: async call => {
      const reply = await call.good()
      const chain = parsePem(new TextDecoder().decode(reply.body), 'CERTIFICATE')
      const made = await make({ chain, call }, { now: call.clock.now(), key: generateKey('ecdsa-p256') })
      const pem = made.map(der => encodePem('CERTIFICATE', der)).join('')
      return { ...reply, body: new Uint8Array(Buffer.from(pem)) }
    },
    fails: mismatch(/did not send what was asked for/, says),
    spoils: true,
  }
}

/** The leaf of a chain, signed once more by the same intermediate with something changed. */
function resigned(
  { chain: [leaf = new Uint8Array(), ...rest], call }: Good,
  change: Partial<CertificateTemplate>,
) {
  const { publicKey, identifiers, notBefore, notAfter } = parseCertificate(leaf)
  const { issuer } = call.ca
  const serialNumber = new Uint8Array([1, 2, 3, 4])
  const template = { serialNumber, issuer: issuer.intermediate, publicKey, identifiers, notBefore, notAfter }
  const key = createPrivateKey(issuer.exportState().intermediateKeyPem)
  return [signCertificate({ ...template, ...change }, key), ...rest]
}

/** Failures of a fault that lasts the usual time. */
const attemptsUntilHealed = 5

/** Every lie at every moment. */
export function lieCases(): readonly FaultCase[] {
  return lies.flatMap(({ name, at, answer, spoils, ...rest }) =>
    allMoments.map(moment => ({
      ...{ name: `the CA ${name}`, moment, strike: strikeAt(at, answer), ...rest },
      ...(spoils === true && { spoilt: attemptsUntilHealed }),
    })),
  )
}
