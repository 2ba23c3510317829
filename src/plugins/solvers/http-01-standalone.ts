/** http-01 by a listener of our own, on a port where nothing else listens. */
import { parseIpAddress } from '../../acme/identifier.ts'
import { AppError, isAppError, systemCodeOf } from '../../base/errors.ts'
import { v } from '../../base/schema.ts'
import type { Provision, Solver } from '../../contracts/solver.ts'
import type { Listener, ListenerReply, ListenerRequest } from '../../runtime/network.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { challengePath, publicHttpPort, readProvision, refusalByHttp, tokenSchema } from './http-01.ts'
import { selfCheckHttp01 } from './http-01-self-check.ts'

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
const anyAddress = ['0.0.0.0', '::'] as const

/** Options of {@link createStandaloneSolver}. */
export const standaloneSolverOptions = v.strictObject({
  /** Where to listen. */
  port: v.optional(port, publicHttpPort),
  /** Addresses to listen on; every address of either kind when absent. */
  hosts: v.optional(v.pipe(v.array(v.string()), v.nonEmpty('must name at least one address')), [
    ...anyAddress,
  ]),
  /** Whether to look at the response before the CA does. */
  selfCheck: v.optional(v.boolean(), true),
  /** Where the CA will look; another port than 80 only with a private CA. */
  httpPort: v.optional(port, publicHttpPort),
})
export type StandaloneSolverOptions = v.InferInput<typeof standaloneSolverOptions>

const provisionSchema = v.object({ token: tokenSchema, host: v.string(), content: v.string() })
type Answer = v.InferOutput<typeof provisionSchema>

/** A solver that answers itself. It listens from the first `present` until the last `cleanUp`, or until disposed of. */
export function createStandaloneSolver(
  options: StandaloneSolverOptions,
  runtime: Pick<Runtime, 'listenHttp' | 'portOwner' | 'http' | 'resolver'>,
): Solver & AsyncDisposable {
  const { port = publicHttpPort, hosts = anyAddress, selfCheck = true, httpPort = publicHttpPort } = options
  const answers = new Map<string, Answer>()
  let listeners: readonly Listener[] = []
  // Starting and stopping wait for each other.
  let turn: Promise<void> = Promise.resolve()
  const adjust = (): Promise<void> => {
    const next = turn.then(async () => {
      if (answers.size > 0 && listeners.length === 0) {
        listeners = await listenOn(hosts, port, request => answerFrom(answers, request), runtime)
      } else if (answers.size === 0 && listeners.length > 0) {
        const stopped = listeners
        listeners = []
        await disposeAll(stopped)
      }
    })
    turn = next.catch(() => {}) // reported to the one who waits for `next`
    return next
  }
  return {
    name: 'http-01-standalone',
    type: 'http-01',
    refusal: refusalByHttp,
    provision: async ({ identifier, token, keyAuthorization }) => ({
      token,
      host: identifier.value,
      content: keyAuthorization,
    }),
    present: async provision => {
      const answer = readProvision(provisionSchema, provision)
      answers.set(answer.token, answer)
      try {
        await adjust()
      } catch (error) {
        answers.delete(answer.token)
        throw error
      }
    },
    ...(selfCheck && {
      selfCheck: (challenge, { signal }) => selfCheckHttp01(challenge, { port: httpPort, signal }, runtime),
    }),
    cleanUp: async (provision: Provision) => {
      answers.delete(readProvision(provisionSchema, provision).token)
      await adjust()
    },
    [Symbol.asyncDispose]: async () => {
      answers.clear()
      await adjust()
    },
  }
}

/** The answer to a request: a known token at its path, asked for under its own name, and nothing else. */
export function answerFrom(
  answers: ReadonlyMap<string, Answer>,
  { method, path, host }: ListenerRequest,
): ListenerReply {
  const answer = answers.get(path.slice(path.lastIndexOf('/') + 1))
  const known =
    answer !== undefined &&
    (method === 'GET' || method === 'HEAD') &&
    path === challengePath(answer.token) &&
    (host === undefined || hostName(host) === answer.host)
  return known ? { status: 200, body: answer.content } : { status: 404, body: '' }
}

/** The host of a Host field as an identifier writes it: no port, no brackets, no final dot, lower case. */
function hostName(field: string): string {
  const host = field
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  return parseIpAddress(host) ?? host.toLowerCase()
}

/** What systems answer that lack one kind of address. */
const missingKind: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'])

/** Listens on every host; of the two kinds of address one is enough where the machine lacks the other. */
async function listenOn(
  hosts: readonly string[],
  port: number,
  answer: (request: ListenerRequest) => ListenerReply,
  runtime: Pick<Runtime, 'listenHttp' | 'portOwner'>,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  let missing: unknown
  try {
    for (const host of hosts) {
      try {
        listeners.push(await runtime.listenHttp([{ host, port }], answer))
      } catch (error) {
        const code = systemCodeOf(error instanceof Error ? error.cause : undefined) ?? ''
        const isAny = (anyAddress as readonly string[]).includes(host)
        if (!isAny || !missingKind.has(code)) throw error
        missing = error
      }
    }
    if (listeners.length === 0) throw missing
    return listeners
  } catch (error) {
    await disposeAll(listeners)
    throw await explainListen(error, port, runtime)
  }
}

async function disposeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map(listener => listener[Symbol.asyncDispose]()))
}

async function explainListen(
  error: unknown,
  port: number,
  { portOwner }: Pick<Runtime, 'portOwner'>,
): Promise<unknown> {
  if (!isAppError(error, 'ERR_LISTEN')) return error
  const code = systemCodeOf(error.cause)
  if (code === 'EADDRINUSE') {
    const owner = (await portOwner(port)) ?? 'another program'
    return new AppError('ERR_LISTEN', `port ${port} is taken by ${owner}`, {
      hint:
        'let that server answer: instead of --standalone give --webroot DIR, the directory it serves ' +
        '(in the configuration: solvers: { http-01: { webroot: DIR } }); or stop it',
      cause: error.cause,
    })
  }
  if (code === 'EACCES') {
    return new AppError('ERR_LISTEN', `this user may not listen on port ${port}`, {
      hint:
        'a port below 1024 needs root or CAP_NET_BIND_SERVICE: run this with sudo, or once ' +
        'sudo setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")"',
      cause: error.cause,
    })
  }
  return error
}
