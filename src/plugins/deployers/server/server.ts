/**
 * What all servers have in common that are configured with the files of a certificate: the places that are meant are found,
 * copies are written where the server cannot or does not read `live/<name>`, and its endpoints are told.
 */
import { parseDurationMs } from '../../../base/duration.ts'
import { AppError, isAppError } from '../../../base/errors.ts'
import type { DeployableCertificate, Deployer, Endpoint, Inspection } from '../../../contracts/deployer.ts'
import type { ServerOptions } from '../../../contracts/server-target.ts'
import { parseEndpoint } from '../../../runtime/endpoint-text.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { type Fresh, prepareCopies } from './copies.ts'
import { askedName, type CertificatePlace, type Choice, choosePlaces, endpointsOf } from './place.ts'
import { seePlaces } from './see-places.ts'

export type ServerRuntime = Pick<Runtime, 'exec' | 'files' | 'targetFiles'>

/** A server as it is configured now. */
export type ServerView = {
  readonly places: readonly CertificatePlace[]
  /** The server does not accept its configuration. That may be because of the files that are to be replaced. */
  readonly rejected?: AppError | undefined
  /** Why it does not run. Files are written for it all the same, so that it can be started. */
  readonly stopped?: AppError | undefined
  /** What a person should know. */
  readonly notes?: readonly string[]
}

/** One kind of server. */
export type Server = {
  readonly name: string
  /** Owner and mode of files that are written where none lie yet. An owner is the user that reads them. */
  readonly fresh?: Fresh
  /**
   * Tests the configuration and finds what it says. MUST NOT change anything.
   * @throws AppError ERR_DEPLOY_BROKEN_BEFORE where the server cannot be asked, or does not accept it for reasons of its own;
   * ERR_DEPLOY_UNUSED where TLS is switched off
   */
  look(options: { readonly signal: AbortSignal }): Promise<ServerView>
  /**
   * Makes the server use the files that are in place now.
   * @throws AppError ERR_DEPLOY; the server then still serves what it served before, as far as that is possible
   */
  activate(options: { readonly signal: AbortSignal }): Promise<void>
}

/** A deployer for one server. */
export function createServerDeployer(
  server: Server,
  options: ServerOptions,
  runtime: ServerRuntime,
): Deployer {
  const ownUser = server.fresh?.owner
  const choose = async (
    certificate: DeployableCertificate,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<{ readonly view: ServerView; readonly choice: Choice }> => {
    const view = await server.look({ signal })
    const places = await seePlaces(view.places, certificate, runtime)
    const wanted = options['certificate-file']
    return { view, choice: choosePlaces(places, certificate, { wanted, server: server.name, ownUser }) }
  }
  return {
    name: server.name,
    inspect: async (certificate, { signal }) => {
      try {
        const { view, choice } = await choose(certificate, { signal })
        const inspection = toInspection(view, choice, certificate, options)
        if (choice.state !== 'live' || ownUser === undefined || inspection.state !== 'ready')
          return inspection
        const note = `it reads ${certificate.liveDirectory} as the user ${ownUser}, who cannot do so unless its directories were opened: name files of its own instead`
        return { ...inspection, notes: [...inspection.notes, note] }
      } catch (error) {
        if (isAppError(error, 'ERR_DEPLOY_BROKEN_BEFORE')) return { state: 'broken', error }
        if (isAppError(error, 'ERR_DEPLOY_UNUSED')) return { state: 'unused', error }
        if (!isAppError(error, 'ERR_DEPLOY')) throw error
        const { message, hint } = error
        const broken = new AppError('ERR_DEPLOY_BROKEN_BEFORE', message, { hint, cause: error })
        return { state: 'broken', error: broken }
      }
    },
    prepare: async (certificate, { directory, signal }) => {
      const { choice } = await choose(certificate, { signal })
      if (choice.state !== 'copies') return undefined
      const { places } = choice
      const fresh = server.fresh ?? {}
      return prepareCopies(places, certificate, { directory, options, fresh, signal }, runtime)
    },
    activate: ({ signal }) => server.activate({ signal }),
  }
}

function toInspection(
  { rejected, stopped, notes = [] }: ServerView,
  choice: Choice,
  certificate: DeployableCertificate,
  options: ServerOptions,
): Inspection {
  if (rejected !== undefined && !mayMend(choice)) return { state: 'broken', error: rejected }
  if (choice.state === 'mixed' || choice.state === 'none') {
    const code = choice.state === 'none' ? 'ERR_DEPLOY_UNUSED' : 'ERR_DEPLOY'
    const error = new AppError(code, choice.text, { hint: choice.hint })
    return { state: choice.state === 'none' ? 'unused' : 'broken', error }
  }
  if (choice.state === 'copies' && certificate.keyIsElsewhere === true) {
    const text = `the key of ${certificate.name} is elsewhere, and so it cannot be copied to ${choice.places[0]?.keyFile}`
    const hint = `have the server read ${certificate.liveDirectory}/fullchain.pem, and the key from where it is`
    return { state: 'unused', error: new AppError('ERR_DEPLOY', text, { hint }) }
  }
  if (stopped !== undefined) return { state: 'not-running', error: stopped }
  const within = options['served-within']
  return {
    state: 'ready',
    endpoints: configuredEndpoints(options, certificate) ?? endpointsOf(choice.places, certificate),
    notes,
    ...(within !== undefined && { servedWithinMs: parseDurationMs(within) }),
  }
}

/** Whether what is wrong may be what is replaced; the server tests it again then. */
function mayMend(choice: Choice): boolean {
  return choice.state === 'copies' && choice.places.some(({ problem }) => problem !== undefined)
}

/** The endpoints that the configuration names instead of those that were found. */
function configuredEndpoints(
  { endpoints, 'server-name': serverName }: ServerOptions,
  { identifiers }: DeployableCertificate,
): readonly Endpoint[] | undefined {
  return endpoints?.flatMap(endpoint => {
    const address = parseEndpoint(endpoint)
    const source = 'endpoints in the configuration'
    return address === undefined
      ? []
      : [{ ...address, serverName: serverName ?? askedName(identifiers), source }]
  })
}
