/** What is written can be read: for each object that the client parses and the server sends. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { instant } from '../base/instant.ts'
import { type Account, parseAccount, writeAccount } from './account.ts'
import { type Authorization, parseAuthorization, writeAuthorization } from './authorization.ts'
import { type Directory, parseDirectory, writeDirectory } from './directory.ts'
import { type Order, parseOrder, writeOrder } from './order.ts'
import { parseRenewalInfo, type RenewalInfo, writeRenewalInfo } from './renewal-info.ts'
import { parseUrl, type WireObject } from './wire.ts'

const url = parseUrl('https://ca.test/object/1')
const at = instant(1_800_000_000_000)
const overTheWire = (object: WireObject): unknown => JSON.parse(JSON.stringify(object))
const error = { type: 'urn:ietf:params:acme:error:dns', detail: 'no address', status: 400 }

const accounts: readonly Account[] = [
  { url, status: 'valid', contact: [] },
  {
    url,
    status: 'deactivated',
    contact: ['mailto:a@example.com'],
    termsOfServiceAgreed: true,
    orders: parseUrl('https://ca.test/orders/1'),
  },
]
for (const account of accounts) {
  it(`an account that is ${account.status} survives the wire`, () =>
    assert.deepEqual(parseAccount(url, overTheWire(writeAccount(account))), account))
}

const base = {
  url,
  identifiers: [{ type: 'dns', value: 'www.example.com' }],
  authorizations: [parseUrl('https://ca.test/authorization/1')],
  finalize: parseUrl('https://ca.test/order/1/finalize'),
} as const
const orders: readonly Order[] = [
  { ...base, status: 'pending', expires: at },
  { ...base, status: 'ready', profile: 'short', replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' },
  { ...base, status: 'processing' },
  { ...base, status: 'valid', certificate: parseUrl('https://ca.test/certificate/1'), expires: at },
  { ...base, status: 'invalid' },
  { ...base, status: 'invalid', error },
]
for (const order of orders) {
  it(`an order that is ${order.status} survives the wire`, () =>
    assert.deepEqual(parseOrder(url, overTheWire(writeOrder(order))), order))
}

const token = 'DGyRejmCefe7v4NfDGDKfA'
const authorizations: readonly Authorization[] = [
  {
    url,
    identifier: { type: 'dns', value: 'www.example.com' },
    wildcard: false,
    status: 'pending',
    expires: at,
    challenges: [
      { url, type: 'http-01', token, status: 'pending' },
      { url, type: 'unknown', name: 'carrier-pigeon-01', status: 'processing' },
    ],
  },
  {
    url,
    identifier: { type: 'dns', value: 'example.com' },
    wildcard: true,
    status: 'valid',
    challenges: [{ url, type: 'dns-01', token, status: 'valid', validated: at }],
  },
  {
    url,
    identifier: { type: 'ip', value: '2001:db8::1' },
    wildcard: false,
    status: 'invalid',
    challenges: [{ url, type: 'tls-alpn-01', token, status: 'invalid', error }],
  },
]
for (const authorization of authorizations) {
  it(`an authorization that is ${authorization.status} survives the wire`, () =>
    assert.deepEqual(parseAuthorization(url, overTheWire(writeAuthorization(authorization))), authorization))
}

const resource = (name: string) => parseUrl(`https://ca.test/${name}`)
const required = {
  newNonce: resource('new-nonce'),
  newAccount: resource('new-account'),
  newOrder: resource('new-order'),
  revokeCert: resource('revoke-cert'),
}
const directories: Readonly<Record<string, Directory>> = {
  'the smallest directory': {
    ...required,
    meta: { caaIdentities: [], externalAccountRequired: false, profiles: new Map() },
  },
  'a full directory': {
    ...required,
    keyChange: resource('key-change'),
    renewalInfo: resource('renewal-info'),
    meta: {
      termsOfService: 'https://ca.test/terms',
      website: 'https://ca.test/',
      caaIdentities: ['ca.test'],
      externalAccountRequired: true,
      profiles: new Map([['short', 'six days']]),
    },
  },
}
for (const [name, directory] of Object.entries(directories)) {
  it(`${name} survives the wire`, () =>
    assert.deepEqual(parseDirectory(overTheWire(writeDirectory(directory))), directory))
}

const windows: readonly RenewalInfo[] = [
  { suggestedWindow: { start: at, end: instant(at + 1_000) } },
  { suggestedWindow: { start: at, end: instant(at + 1_000) }, explanationURL: 'https://ca.test/why' },
]
for (const info of windows) {
  it(`renewal information with ${Object.keys(info).join(' and ')} survives the wire`, () =>
    assert.deepEqual(parseRenewalInfo(overTheWire(writeRenewalInfo(info))), info))
}
