/** What a CA, or something on the way to it, does instead of answering well: kinds of faults, and the places where they strike. */
import { problemPrefix } from '../../src/acme/problem.ts'
import { AppError, type ErrorCode } from '../../src/base/errors.ts'
import { dayMs, hourMs, secondMs } from '../../src/base/instant.ts'
import type { HttpReply } from '../../src/runtime/http.ts'
import { textReply } from '../../src/testing/fake-network.ts'
import type { CaAnswer, CaCall, CaResource } from '../support/memory-ca.ts'
import { allMoments, type FaultCase, type Moment } from './survive.ts'

/** The requests of an issuance, each with the words by which an error names it. */
export const caPlaces = {
  directory: /send its directory/,
  'new-nonce': /send a nonce/,
  'new-account': /register an account|find the account of a key/,
  'new-order': /create an order for a\.example/,
  authorization: /read the authorization/,
  challenge: /look at the challenge response|read the challenge/,
  order: /read the order/,
  finalize: /finalize the order/,
  certificate: /send the certificate/,
  'renewal-info': /send renewal information/,
} as const satisfies Partial<Record<CaResource, RegExp>>
export type CaPlace = keyof typeof caPlaces

/** One kind of fault. */
export type CaFault = {
  readonly name: string
  readonly answer: CaAnswer
  /** Codes of the errors that it leads to. */
  readonly codes: readonly ErrorCode[]
  /** What errors say of it. */
  readonly says: RegExp
  /** The CA asks to stay away for so long. */
  readonly retryAfterMs?: number
  /** Where it does no harm, since a good client copes with it. */
  readonly harmlessAt?: readonly CaPlace[]
  /** Where it can strike; everywhere when absent. */
  readonly at?: readonly CaPlace[]
}

const signed = [
  'new-account',
  'new-order',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
] as const satisfies readonly CaPlace[]
const everywhere = Object.keys(caPlaces) as readonly CaPlace[] // of this very table

const html = '<!DOCTYPE html><html><title>Sign in to the hotel network</title></html>'
const json = { 'content-type': 'application/json' } as const

/** A problem document with a fresh nonce, as a CA sends it. */
export function problem(
  type: string,
  { status = 403, detail = 'not now', ...headers }: ProblemOptions = {},
): CaAnswer {
  return () =>
    textReply(status, JSON.stringify({ type: problemPrefix + type, detail, status }), {
      'content-type': 'application/problem+json',
      'replay-nonce': freshNonce(),
      ...headers,
    })
}
type ProblemOptions = { readonly status?: number; readonly detail?: string; readonly 'retry-after'?: string }

let nonces = 0
function freshNonce(): string {
  nonces += 1
  return Buffer.from(`a nonce of nobody ${nonces}`).toString('base64url')
}

/** The good answer, with something else in the place of its body or its fields. */
export function spoiled(
  spoil: (reply: HttpReply) => Partial<Omit<HttpReply, 'body'>> & { readonly body?: string | Uint8Array },
): CaAnswer {
  return async call => {
    const reply = await call.good()
    const { body = reply.body, ...rest } = spoil(reply)
    return { ...reply, ...rest, body: typeof body === 'string' ? new Uint8Array(Buffer.from(body)) : body }
  }
}

function without(name: string): CaAnswer {
  return spoiled(({ headers }) => ({ headers: new Map([...headers].filter(([one]) => one !== name)) }))
}

function broken(make: (call: CaCall) => AppError, { afterMs = 0, effect = false } = {}): CaAnswer {
  return async call => {
    if (effect) await call.good()
    if (afterMs > 0) await call.clock.sleep(afterMs, call.signal)
    throw make(call)
  }
}

const at = ({ url }: CaCall) => `POST ${new URL(url).origin}`
const network = (what: string) => (call: CaCall) =>
  new AppError('ERR_NETWORK', `cannot connect to ${new URL(call.url).host}:443: ${what}`, {
    hint: 'see that this host can reach it',
  })

/** Faults of the connection and of whole answers, for every place. */
export const caFaults: readonly CaFault[] = [
  {
    name: 'is down',
    answer: broken(network('connection refused')),
    codes: ['ERR_NETWORK'],
    says: /connection refused/,
  },
  {
    name: 'shows a TLS certificate that nobody trusts',
    answer: broken(
      call =>
        new AppError('ERR_NETWORK', `${new URL(call.url).host} is not trusted: self-signed certificate`, {
          hint: 'give its root with trust:',
          lasting: true,
        }),
    ),
    codes: ['ERR_NETWORK'],
    says: /not trusted/,
  },
  {
    name: 'takes the connection and says nothing',
    answer: broken(call => new AppError('ERR_REPLY_LOST', `${at(call)}: no answer within 30 s`), {
      afterMs: 30 * secondMs,
    }),
    codes: ['ERR_NETWORK', 'ERR_REPLY_LOST'],
    says: /no answer within 30 s/,
  },
  {
    name: 'cannot be connected to in time',
    answer: broken(
      call =>
        new AppError('ERR_TIMEOUT', `${new URL(call.url).host}:443 did not answer within 10 s`, {
          hint: 'see that no firewall is in between',
        }),
      { afterMs: 10 * secondMs },
    ),
    codes: ['ERR_TIMEOUT'],
    says: /did not answer within 10 s/,
  },
  {
    name: 'does what it is asked and its answers are lost',
    answer: broken(call => new AppError('ERR_REPLY_LOST', `${at(call)}: the connection broke`), {
      effect: true,
    }),
    codes: ['ERR_NETWORK', 'ERR_REPLY_LOST'],
    says: /the connection broke/,
    harmlessAt: ['new-order', 'finalize'],
  },
  {
    name: 'answers after 20 s',
    answer: async call => {
      await call.clock.sleep(20 * secondMs, call.signal)
      return call.good()
    },
    codes: [],
    says: /^/,
    harmlessAt: everywhere,
  },
  {
    name: 'has an internal error',
    answer: problem('serverInternal', { status: 500, detail: 'the database is away' }),
    codes: ['ERR_ACME_PROBLEM'],
    says: /the database is away/,
  },
  {
    name: 'is behind a gateway that finds nobody',
    answer: () => textReply(502, '<h1>Bad Gateway</h1>', { 'content-type': 'text/html' }),
    codes: ['ERR_REPLY_INVALID', 'ERR_REPLY_LOST'],
    says: /HTTP 502, text\/html/,
  },
  {
    name: 'is under maintenance for two hours',
    answer: () => textReply(503, 'later', { 'content-type': 'text/plain', 'retry-after': '7200' }),
    codes: ['ERR_RATE_LIMITED'],
    says: /HTTP 503/,
    retryAfterMs: 2 * hourMs,
  },
  {
    name: 'is overloaded',
    answer: () => textReply(503, 'busy', { 'content-type': 'text/plain' }),
    codes: ['ERR_REPLY_INVALID'],
    says: /HTTP 503/,
  },
  {
    name: 'limits us and says until when',
    answer: problem('rateLimited', { status: 429, detail: 'too many requests', 'retry-after': '21600' }),
    codes: ['ERR_RATE_LIMITED'],
    says: /too many requests/,
    retryAfterMs: 6 * hourMs,
  },
  {
    name: 'limits us for a year',
    answer: problem('rateLimited', { status: 429, detail: 'go away', 'retry-after': '31536000' }),
    codes: ['ERR_RATE_LIMITED'],
    says: /go away/,
    retryAfterMs: dayMs,
  },
  {
    name: 'limits us and does not say until when',
    answer: problem('rateLimited', { status: 429, detail: 'too many requests' }),
    codes: ['ERR_RATE_LIMITED'],
    says: /too many requests/,
  },
  {
    name: 'refuses every nonce',
    answer: problem('badNonce', { status: 400, detail: 'never seen' }),
    codes: ['ERR_ACME_PROBLEM'],
    says: /never seen/,
    at: signed,
  },
  {
    name: 'refuses us',
    answer: problem('unauthorized', { detail: 'not you' }),
    codes: ['ERR_ACME_PROBLEM'],
    says: /not you/,
  },
  {
    name: 'calls it malformed',
    answer: problem('malformed', { status: 400, detail: 'what is this' }),
    codes: ['ERR_ACME_PROBLEM'],
    says: /what is this/,
  },
  {
    name: 'has lost its memory of the account',
    answer: problem('accountDoesNotExist', { status: 400, detail: 'who are you' }),
    codes: ['ERR_ACME_PROBLEM'],
    says: /who are you/,
    at: signed,
  },
  {
    name: 'is a captive portal',
    answer: () => textReply(200, html, { 'content-type': 'text/html' }),
    codes: ['ERR_REPLY_INVALID'],
    says: /sent (HTTP 200, text\/html|no usable Replay-Nonce)/,
  },
  {
    name: 'redirects to a portal',
    answer: () => textReply(302, '', { location: 'https://portal.example/' }),
    codes: ['ERR_REPLY_INVALID'],
    says: /portal\.example|HTTP 302/,
  },
  {
    name: 'sends half of its answer',
    answer: spoiled(({ body }) => ({ body: body.slice(0, Math.floor(body.length / 2)) })),
    codes: ['ERR_REPLY_INVALID'],
    says: /JSON|PEM|certificate|HTTP 409/,
    harmlessAt: ['new-nonce'],
  },
  {
    name: 'sends nothing',
    answer: spoiled(() => ({ body: '' })),
    codes: ['ERR_REPLY_INVALID'],
    says: /JSON|PEM|certificate|HTTP 409/,
    harmlessAt: ['new-nonce'],
  },
  {
    name: 'sends a list',
    answer: spoiled(() => ({ body: '[]', headers: new Map(Object.entries(json)) })),
    codes: ['ERR_REPLY_INVALID', 'ERR_ACME_PROBLEM'],
    says: /cannot be read|application\/json|Replay-Nonce|Location|without explanation/,
  },
  {
    name: 'sends more than anybody reads',
    answer: broken(call => new AppError('ERR_REPLY_TOO_LARGE', `${at(call)}: more than 65536 bytes`)),
    codes: ['ERR_REPLY_TOO_LARGE'],
    says: /more than 65536 bytes/,
  },
  {
    name: 'forgets to send a nonce',
    answer: without('replay-nonce'),
    codes: ['ERR_REPLY_INVALID'],
    says: /Replay-Nonce/,
    at: ['new-nonce', ...signed],
    harmlessAt: signed,
  },
]

/** Those that stand for their class where the cross product would be too large. */
const representatives: readonly string[] = [
  'is down',
  'does what it is asked and its answers are lost',
  'is under maintenance for two hours',
  'has an internal error',
  'is a captive portal',
  'refuses us',
]

/** Every fault at every place at a renewal; the representatives also at a first issuance, and shortly before the end. */
export function caCases(): readonly FaultCase[] {
  return caFaults.flatMap(fault =>
    (fault.at ?? everywhere).flatMap(place =>
      momentsOf(fault, place).map(moment => caCase(fault, place, moment)),
    ),
  )
}

function momentsOf({ name }: CaFault, place: CaPlace): readonly Moment[] {
  if (place === 'new-account') return ['first'] // later it is there
  return representatives.includes(name) ? allMoments : ['renewal']
}

function caCase(fault: CaFault, place: CaPlace, moment: Moment): FaultCase {
  const isHarmless = fault.harmlessAt?.includes(place) === true
  const base = {
    name: `the CA ${fault.name}, asked at ${place}`,
    moment,
    strike: strikeAt(place, fault.answer),
  }
  if (isHarmless) return base
  // Without advice a certificate is renewed by its lifetime.
  if (place === 'renewal-info')
    return { ...base, warns: /it is not settled when to renew: ca\.example .*send renewal information/ }
  const { codes, says, retryAfterMs } = fault
  return {
    ...base,
    fails: {
      codes,
      says: [says, caPlaces[place], /ca\.example/],
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  }
}

/** Has every CA of the site answer like this. */
export function strikeAt(place: CaResource, answer: CaAnswer): FaultCase['strike'] {
  return ({ cas }, hit) => {
    const counted: CaAnswer = call => {
      hit()
      return answer(call)
    }
    for (const ca of cas) ca.become({ [place]: counted })
  }
}
