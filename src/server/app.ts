/** The embedded ACME CA: a function from `Request` to `Promise<Response>` (RFC 8555, RFC 9773). */
import { type Context, Hono } from 'hono'
import { writeDirectory } from '../acme/directory.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createBackground } from './background.ts'
import { createNonces } from './nonces.ts'
import { type AcmeServerOptions, withDefaults } from './options.ts'
import type { Parts } from './parts.ts'
import { createRecords } from './records.ts'
import { errorReply, notFound, problem, type Reply, toResponse } from './reply.ts'
import { type AccountRequest, readAccountRequest, readSigned, type SignedRequest } from './request.ts'
import { accountResource, listOrders, newAccount } from './resources/accounts.ts'
import { authorizationResource, challengeResource } from './resources/authorizations.ts'
import { readCertificate } from './resources/certificates.ts'
import { finalizeOrder } from './resources/finalize.ts'
import { keyChange } from './resources/key-change.ts'
import { newOrder, readOrder } from './resources/orders.ts'
import { readRenewalInfo } from './resources/renewal-info.ts'
import { revokeCertificate } from './resources/revocations.ts'
import { createUrls, paths } from './urls.ts'
import { createValidate } from './validation/validate.ts'

export interface AcmeServer extends AsyncDisposable {
  /** What ACME clients are given. */
  readonly directoryUrl: string
  /** Answers one request. Never rejects. */
  fetch(request: Request): Promise<Response>
  /** Aborts validations and issuances that are going on, and waits for their end. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Validations at a time: each waits for other people's servers. */
const maxValidations = 100
/** Issuances at a time: each costs a signature, or a request to another CA. */
const maxIssuances = 20

/**
 * An ACME server that keeps its state in memory.
 * @throws AppError ERR_FORMAT where the options have a URL or a network that is none
 */
export function createAcmeServer(
  options: AcmeServerOptions,
  runtime: Pick<Runtime, 'clock' | 'http' | 'resolver'>,
): AcmeServer {
  const config = withDefaults(options)
  const { log } = config
  const parts: Parts = {
    config,
    urls: createUrls(config.baseUrl),
    records: createRecords(),
    nonces: createNonces({ rejected: config.rejectNonces, seed: config.seed }),
    clock: runtime.clock,
    validate: createValidate(config.validation ?? {}, { ...runtime, log }),
    validations: createBackground({ limit: maxValidations, log }),
    issuances: createBackground({ limit: maxIssuances, log }),
  }
  const router = createRouter(parts)
  return {
    directoryUrl: parts.urls.directory,
    fetch: async request => router.fetch(request),
    async [Symbol.asyncDispose]() {
      await Promise.all([parts.validations[Symbol.asyncDispose](), parts.issuances[Symbol.asyncDispose]()])
    },
  }
}

/** The routes, in the order of RFC 8555 §7.1. The router is used for matching paths and for nothing else. */
function createRouter(parts: Parts): Hono {
  const { urls, nonces } = parts
  const router = new Hono().basePath(urls.basePath)
  const send = (reply: Reply) => toResponse(reply, { nonce: nonces.issue(), directory: urls.directory })
  const get = (path: string, resource: (context: Context) => Reply) => {
    router.get(path, context => send(resource(context)))
    router.all(path, () => send(methodNotAllowed('GET, HEAD')))
  }
  const post = (path: string, resource: (context: Context) => Promise<Reply>) => {
    router.post(path, async context => send(await resource(context)))
    router.all(path, () => send(methodNotAllowed('POST')))
  }
  const signed = (path: string, resource: (request: SignedRequest, context: Context) => Reply) =>
    post(path, async context => resource(await readSigned(context.req.raw, parts), context))
  const byAccount = (
    path: string,
    resource: (request: AccountRequest, context: Context) => Reply | Promise<Reply>,
  ) => post(path, async context => resource(await readAccountRequest(context.req.raw, parts), context))

  get(paths.directory, () => ({ json: directory(parts) }))
  get(paths.newNonce, ({ req }) => ({ status: req.raw.method === 'HEAD' ? 200 : 204 }))
  signed(paths.newAccount, request => newAccount(request, parts))
  byAccount(paths.account, (request, { req }) => accountResource(request, parameter(req, 'id'), parts))
  byAccount(paths.orders, (request, { req }) =>
    listOrders(request, { id: parameter(req, 'id'), page: index(req.query('page')) }, parts),
  )
  byAccount(paths.keyChange, request => keyChange(request, parts))
  byAccount(paths.newOrder, request => newOrder(request, parts))
  byAccount(paths.order, (request, { req }) => readOrder(request, parameter(req, 'id'), parts))
  byAccount(paths.finalize, (request, { req }) => finalizeOrder(request, parameter(req, 'id'), parts))
  byAccount(paths.authorization, (request, { req }) =>
    authorizationResource(request, parameter(req, 'id'), parts),
  )
  byAccount(paths.challenge, (request, { req }) =>
    challengeResource(request, { id: parameter(req, 'id'), type: parameter(req, 'type') }, parts),
  )
  byAccount(paths.certificate, (request, { req }) =>
    readCertificate(request, { id: parameter(req, 'id') }, parts),
  )
  byAccount(paths.alternate, (request, { req }) =>
    readCertificate(request, { id: parameter(req, 'id'), chain: index(parameter(req, 'chain')) }, parts),
  )
  signed(paths.revokeCert, request => revokeCertificate(request, parts))
  get(paths.renewalInfo, ({ req }) => readRenewalInfo(parameter(req, 'certificate'), parts))

  router.notFound(() => send(errorReply(notFound('resource'), parts.config.log)))
  router.onError(error => send(errorReply(error, parts.config.log)))
  return router
}

function methodNotAllowed(allow: string): Reply {
  const detail = `this resource takes ${allow}; reading takes a signed POST with an empty payload (RFC 8555 §6.3)`
  return { problem: problem('malformed', detail, { status: 405 }), headers: { Allow: allow } }
}

function parameter(request: Context['req'], name: string): string {
  return request.param(name) ?? ''
}

/** A small number from a URL. */
function index(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,4}$/.test(text)) throw notFound('resource')
  return Number(text)
}

function directory({ config, urls }: Pick<Parts, 'config' | 'urls'>) {
  const { termsOfService, website, caaIdentities, profiles, externalAccounts } = config
  return writeDirectory({
    newNonce: urls.newNonce,
    newAccount: urls.newAccount,
    newOrder: urls.newOrder,
    revokeCert: urls.revokeCert,
    keyChange: urls.keyChange,
    renewalInfo: urls.renewalInfo,
    meta: {
      ...(termsOfService === undefined ? {} : { termsOfService }),
      ...(website === undefined ? {} : { website }),
      caaIdentities,
      externalAccountRequired: externalAccounts.size > 0,
      profiles: new Map([...profiles].map(([name, { description }]) => [name, description])),
    },
  })
}
