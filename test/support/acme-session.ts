/** An ACME server in memory and somebody who signs requests to it by hand. */
import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import type { Identifier } from '../../src/acme/identifier.ts'
import { http01Path, keyAuthorization } from '../../src/acme/key-authorization.ts'
import { loopbackNetworks } from '../../src/acme/network.ts'
import { problemPrefix } from '../../src/acme/problem.ts'
import { encodeBase64url } from '../../src/base/base64url.ts'
import { signJws } from '../../src/jose/jws.ts'
import { thumbprint } from '../../src/jose/thumbprint.ts'
import { type AcmeServer, createAcmeServer } from '../../src/server/app.ts'
import { createLocalIssuer, type LocalIssuer } from '../../src/server/issuance/local-issuer.ts'
import type { AcmeServerOptions } from '../../src/server/options.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { fakeHttp, textReply } from '../../src/testing/fake-network.ts'
import { createCsr } from '../../src/x509/csr.ts'
import { createSigner, generateAccountKey, generateKey } from '../../src/x509/key.ts'

export const baseUrl = 'https://ca.test/acme'

/** A server whose every name leads to one web server, which has the files in `files`. */
export type World = AsyncDisposable & {
  readonly server: AcmeServer
  readonly issuer: LocalIssuer
  readonly clock: FakeClock
  /** Contents by `host/path`. */
  readonly files: Map<string, string>
  /** URLs of all validation requests. */
  readonly visits: string[]
}

/** A world with a clock that stands still. */
export async function createWorld(options: Partial<AcmeServerOptions> = {}): Promise<World> {
  const clock = fakeClock()
  const issuer = await createLocalIssuer({}, { clock })
  const files = new Map<string, string>()
  const visits: string[] = []
  const server = createAcmeServer(
    { baseUrl, issuer, validation: { allowedNetworks: loopbackNetworks }, ...options },
    {
      clock,
      resolver: { addresses: async () => ['127.0.0.1'] },
      http: fakeHttp(url => {
        visits.push(url)
        const { hostname, pathname } = new URL(url)
        const content = files.get(hostname + pathname)
        return content === undefined ? textReply(404, 'nothing here') : textReply(200, content)
      }),
    },
  )
  return { server, issuer, clock, files, visits, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** A reply, read. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The JSON object that came, or an empty one. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Reads a reply. */
export async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const json: Record<string, unknown> = /json/.test(response.headers.get('content-type') ?? '')
    ? JSON.parse(text)
    : {}
  return { status: response.status, headers: response.headers, text, json }
}

/** A fresh nonce. */
export async function freshNonce({ server }: Pick<World, 'server'>): Promise<string> {
  const response = await server.fetch(new Request(`${baseUrl}/new-nonce`, { method: 'HEAD' }))
  return response.headers.get('replay-nonce') ?? assert.fail('no nonce')
}

/** Sends a body as it is. */
export async function sendRaw(
  { server }: Pick<World, 'server'>,
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const request = new Request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/jose+json', ...headers },
    body,
  })
  return read(await server.fetch(request))
}

/** Somebody with an account key; `kid` is the account URL once there is one. */
export type Session = {
  readonly key: KeyObject
  readonly kid: string | undefined
  /** Signs with the account (with the key where there is none yet) and sends. */
  post(url: string, payload: unknown): Promise<Answer>
}

/** A session for a key, with or without an account. */
export function sessionFor(world: Pick<World, 'server'>, key: KeyObject, kid?: string): Session {
  const signer = createSigner(key)
  return {
    key,
    kid,
    async post(url, payload) {
      const nonce = await freshNonce(world)
      return sendRaw(world, url, await signJws(payload, { signer, url, nonce, kid }))
    },
  }
}

/** Makes an account. */
export async function register(
  world: Pick<World, 'server'>,
  payload: Readonly<Record<string, unknown>> = {},
): Promise<Session & { readonly kid: string }> {
  const key = await generateAccountKey('ES256')
  const answer = await sessionFor(world, key).post(`${baseUrl}/new-account`, payload)
  assert.equal(answer.status, 201, answer.text)
  const kid = answer.headers.get('location') ?? assert.fail('no account URL')
  return { ...sessionFor(world, key, kid), kid }
}

/** Identifiers of names. */
export function names(...values: readonly string[]): readonly Identifier[] {
  return values.map(value => ({ type: 'dns', value }))
}

/** Makes an order; returns its URL and what came. */
export async function order(
  session: Session,
  identifiers: readonly Identifier[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<Answer & { readonly url: string }> {
  const answer = await session.post(`${baseUrl}/new-order`, { identifiers, ...more })
  assert.equal(answer.status, 201, answer.text)
  return { ...answer, url: answer.headers.get('location') ?? assert.fail('no order URL') }
}

/** Puts the responses in place and answers the challenge of every authorization of an order that is pending. */
export async function prove(world: World, session: Session, order: Answer): Promise<void> {
  for (const url of order.json['authorizations'] as readonly string[]) {
    const { json } = await session.post(url, '')
    if (json['status'] !== 'pending') continue
    const { value } = json['identifier'] as Identifier
    const [challenge] = json['challenges'] as readonly [{ readonly url: string; readonly token: string }]
    const host = value.includes(':') ? `[${value}]` : value
    world.files.set(
      host + http01Path(challenge.token),
      keyAuthorization(challenge.token, thumbprint(session.key)),
    )
    const answer = await session.post(challenge.url, {})
    assert.equal(answer.status, 200, answer.text)
  }
}

/** The CSR member of a finalize request. */
export function csrFor(identifiers: readonly Identifier[], key: KeyObject): { readonly csr: string } {
  return { csr: encodeBase64url(createCsr(identifiers, key)) }
}

/** Everything from newOrder to the chain. */
export async function obtain(
  world: World,
  session: Session,
  identifiers: readonly Identifier[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly pem: string; readonly url: string; readonly key: KeyObject; readonly order: Answer }> {
  const created = await order(session, identifiers, more)
  await prove(world, session, created)
  const key = await generateKey('ecdsa-p256')
  const finalized = await session.post(String(created.json['finalize']), csrFor(identifiers, key))
  assert.equal(finalized.json['status'], 'valid', finalized.text)
  const url = String(finalized.json['certificate'])
  const { text: pem } = await session.post(url, '')
  return { pem, url, key, order: finalized }
}

/** Asserts that a reply is a problem of a type; returns its detail. */
export function assertProblem(answer: Answer, type: string, status?: number): string {
  assert.equal(answer.json['type'], problemPrefix + type, answer.text)
  if (status !== undefined) assert.equal(answer.status, status, answer.text)
  assert.equal(answer.json['status'], answer.status)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.match(answer.headers.get('replay-nonce') ?? '', /^[\w-]{22}$/)
  return String(answer.json['detail'])
}
