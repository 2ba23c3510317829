/**
 * The bare minimum of RFC 8555, as a yardstick: node:https with kept connections and node:crypto, nothing checked, nothing
 * stored, no error understood. A client that does its work cannot send less than this.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

export type RawAccount = { readonly key: KeyObject; readonly url: string }

/** A session with one CA. */
export type RawSession = {
  /** Orders and obtains a certificate; `answer` gets each token and what it must be answered with. */
  readonly obtain: (
    names: readonly string[],
    answer: (token: string, content: string) => void,
  ) => Promise<string>
  readonly close: () => void
}

export type RawOptions = {
  readonly directory: string
  readonly trustPem: string
  readonly account: RawAccount
  /** Requests of one order under way at once. */
  readonly width: number
}

/** Registers an account with a new ES256 key. */
export async function rawRegister({
  directory,
  trustPem,
}: Pick<RawOptions, 'directory' | 'trustPem'>): Promise<RawAccount> {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const wire = createWire(trustPem, key)
  const { body } = await wire.send('GET', directory)
  const resources = JSON.parse(body) as Resources
  wire.addNonces(resources.newNonce)
  const { location } = await wire.post(resources.newAccount, { termsOfServiceAgreed: true })
  wire.close()
  return { key, url: location }
}

/** A session for an account that exists; nothing is sent before the first certificate. */
export function rawSession({ directory, trustPem, account, width }: RawOptions): RawSession {
  const wire = createWire(trustPem, account.key, account.url)
  const thumbprint = createHash('sha256')
    .update(JSON.stringify(jwkOf(account.key)))
    .digest('base64url')
  let resources: Promise<Resources> | undefined
  const begin = async (): Promise<Resources> => {
    const { body } = await wire.send('GET', directory)
    const found = JSON.parse(body) as Resources
    wire.addNonces(found.newNonce)
    return found
  }
  return {
    close: wire.close,
    obtain: async (names, answer) => {
      resources ??= begin()
      const { newOrder } = await resources
      const identifiers = names.map(value => ({ type: 'dns', value }))
      const created = await wire.post(newOrder, { identifiers })
      const { authorizations, finalize } = JSON.parse(created.body) as Order
      const challenges = await inParallel(authorizations, width, async url => {
        const { challenges } = JSON.parse((await wire.post(url)).body) as Authorization
        const { token, url: target } = challenges.find(({ type }) => type === 'http-01') ?? fail('no http-01')
        answer(token, `${token}.${thumbprint}`)
        return target
      })
      await inParallel(challenges, width, url => wire.post(url, {}))
      const poll = async (status: string): Promise<Order> => {
        for (let pauseMs = firstPauseMs; ; pauseMs *= pauseFactor) {
          const { body, retryAfter } = await wire.post(created.location)
          const order = JSON.parse(body) as Order
          if (order.status === status) return order
          if (order.status === 'invalid') fail(body)
          await sleep(retryAfter === undefined ? pauseMs : retryAfter * 1000)
        }
      }
      await poll('ready')
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const finalized = await wire.post(finalize, { csr: makeCsr(names, privateKey).toString('base64url') })
      const done = JSON.parse(finalized.body) as Order
      const { certificate } = done.status === 'valid' ? done : await poll('valid')
      return (await wire.post(certificate)).body
    },
  }
}

// At once, then soon, then less and less often. Longer steps hide work: everybody who waits is equally fast.
const firstPauseMs = 10
const pauseFactor = 2

type Resources = { readonly newNonce: string; readonly newAccount: string; readonly newOrder: string }
type Order = {
  readonly status: string
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate: string
}
type Authorization = {
  readonly challenges: readonly { readonly type: string; readonly token: string; readonly url: string }[]
}
type Reply = {
  readonly body: string
  readonly location: string
  readonly retryAfter: number | undefined
}

type Wire = {
  readonly send: (method: string, url: string, body?: string) => Promise<Reply>
  readonly post: (url: string, payload?: unknown) => Promise<Reply>
  /** Where nonces come from when there is none. */
  readonly addNonces: (newNonce: string) => void
  readonly close: () => void
}

function createWire(trustPem: string, key: KeyObject, kid?: string): Wire {
  const agent = new Agent({ keepAlive: true, ca: trustPem })
  const nonces: string[] = []
  let newNonce = ''
  const send = (method: string, url: string, body?: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const headers = {
        'user-agent': 'raw-acme',
        ...(body !== undefined && {
          'content-type': 'application/jose+json',
          'content-length': Buffer.byteLength(body),
        }),
      }
      const sent = request(url, { method, agent, headers }, reply => {
        const { 'replay-nonce': nonce, location = '', 'retry-after': retryAfter } = reply.headers
        if (typeof nonce === 'string') nonces.push(nonce)
        let text = ''
        reply.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        reply.once('end', () => {
          if ((reply.statusCode ?? 0) >= 400) reject(new Error(`${method} ${url}: ${text}`))
          else
            resolve({
              body: text,
              location,
              retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
            })
        })
      })
      sent.once('error', reject)
      sent.end(body)
    })
  return {
    send,
    addNonces: url => {
      newNonce = url
    },
    post: async (url, payload) => {
      while (nonces.length === 0) await send('HEAD', newNonce)
      const nonce = nonces.pop()
      const header = { alg: 'ES256', nonce, url, ...(kid === undefined ? { jwk: jwkOf(key) } : { kid }) }
      const encodedHeader = encode(JSON.stringify(header))
      const encodedPayload = payload === undefined ? '' : encode(JSON.stringify(payload))
      const content = Buffer.from(`${encodedHeader}.${encodedPayload}`)
      const signature = sign('sha256', content, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
      return await send(
        'POST',
        url,
        JSON.stringify({ protected: encodedHeader, payload: encodedPayload, signature }),
      )
    },
    close: () => agent.destroy(),
  }
}

/** The members of a public key that RFC 7638 asks for, in its order. */
function jwkOf(key: KeyObject): Record<string, unknown> {
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' })
  return { crv, kty, x, y }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function fail(text: string): never {
  throw new Error(text)
}

/** Calls `work` for each item, `width` at a time, results in the order of the items. */
async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const rest = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift())
      results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}

// A PKCS#10 with nothing but the key and the names (RFC 2986).
function makeCsr(names: readonly string[], key: KeyObject): Buffer {
  const version = Buffer.from('020100', 'hex')
  const noSubject = der(0x30)
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const alternativeNames = der(0x30, ...names.map(name => der(0x82, Buffer.from(name))))
  const extension = der(0x30, Buffer.from('0603551d11', 'hex'), der(0x04, alternativeNames))
  const attribute = der(0x30, Buffer.from('06092a864886f70d01090e', 'hex'), der(0x31, der(0x30, extension)))
  const info = der(0x30, version, noSubject, publicKey, der(0xa0, attribute))
  const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', info, key)])
  return der(0x30, info, ecdsaWithSha256, der(0x03, signature))
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
