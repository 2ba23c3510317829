/** Where the server's resources are: one place that builds URLs, always from the configured base (never from `Host`). */

import { parseUrl, type Url } from '../acme/wire.ts'
import { AppError } from '../base/errors.ts'

export type Urls = {
  /** Scheme, host and port of the base: with the path of a request it makes the URL that must have been signed. */
  readonly origin: string
  /** Path of the base, without a final slash. */
  readonly basePath: string
  readonly directory: Url
  readonly newNonce: Url
  readonly newAccount: Url
  readonly newOrder: Url
  readonly keyChange: Url
  readonly revokeCert: Url
  readonly renewalInfo: Url
  account(id: string): Url
  orders(accountId: string, page?: number): Url
  order(id: string): Url
  finalize(orderId: string): Url
  authorization(id: string): Url
  challenge(authorizationId: string, type: string): Url
  certificate(id: string, chain?: number): Url
}

/** The paths below the base, as the router matches them and {@link createUrls} fills them. */
export const paths = {
  directory: '/directory',
  newNonce: '/new-nonce',
  newAccount: '/new-account',
  newOrder: '/new-order',
  keyChange: '/key-change',
  revokeCert: '/revoke-cert',
  renewalInfo: '/renewal-info/:certificate',
  account: '/account/:id',
  orders: '/account/:id/orders',
  order: '/order/:id',
  finalize: '/order/:id/finalize',
  authorization: '/authorization/:id',
  challenge: '/authorization/:id/:type',
  certificate: '/certificate/:id',
  alternate: '/certificate/:id/:chain',
} as const

/**
 * The URLs below `baseUrl`.
 * @throws AppError ERR_FORMAT where the base is no https URL, or has a query
 */
export function createUrls(baseUrl: string): Urls {
  const { origin, pathname, search, protocol } = new URL(parseUrl(baseUrl))
  if (protocol !== 'https:' || search !== '')
    throw new AppError('ERR_FORMAT', `"${baseUrl}" cannot be the base of an ACME server`, {
      hint: 'give an https URL without a query, such as https://ca.example:14000 (RFC 8555 §6.1 requires https)',
    })
  const basePath = pathname.replace(/\/$/, '')
  const at = (path: string, parameters: Readonly<Record<string, string>> = {}) =>
    parseUrl(origin + basePath + path.replace(/:(\w+)/g, (_, name: string) => parameters[name] ?? ''))
  return {
    origin,
    basePath,
    directory: at(paths.directory),
    newNonce: at(paths.newNonce),
    newAccount: at(paths.newAccount),
    newOrder: at(paths.newOrder),
    keyChange: at(paths.keyChange),
    revokeCert: at(paths.revokeCert),
    renewalInfo: at('/renewal-info'),
    account: id => at(paths.account, { id }),
    orders: (id, page) => at(page === undefined ? paths.orders : `${paths.orders}?page=${page}`, { id }),
    order: id => at(paths.order, { id }),
    finalize: id => at(paths.finalize, { id }),
    authorization: id => at(paths.authorization, { id }),
    challenge: (id, type) => at(paths.challenge, { id, type }),
    certificate: (id, chain) =>
      chain === undefined ? at(paths.certificate, { id }) : at(paths.alternate, { id, chain: String(chain) }),
  }
}
