/** A network of scripts. */
import { AppError } from '../base/errors.ts'
import type { DnsQuery, DnsQuestion, DnsRecords, DnsRecordType } from '../runtime/dns.ts'
import type { Exec, ExecResult } from '../runtime/exec.ts'
import type { HttpExchange, HttpReply, HttpRequest } from '../runtime/http.ts'
import type { LocalHttp } from '../runtime/local-http.ts'
import type {
  ListenAddress,
  Listener,
  ListenerReply,
  ListenerRequest,
  ListenHttp,
} from '../runtime/network.ts'
import type { Resolver } from '../runtime/resolver.ts'

/** A reply from text. */
export function textReply(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return { status, headers: new Map(Object.entries(headers)), body: new Uint8Array(Buffer.from(text)) }
}

/** Answers by a function; where that gives nothing, nothing listens (ERR_NETWORK). */
export function fakeHttp(
  answer: (url: string, request: HttpRequest) => HttpReply | undefined | Promise<HttpReply | undefined>,
): HttpExchange {
  return async (url, request) => {
    request.signal?.throwIfAborted()
    const reply = await answer(url, request)
    if (reply === undefined)
      throw new AppError('ERR_NETWORK', `cannot connect to ${url}: nothing listens there`)
    return reply
  }
}

/** Knows the given names; others have no address. */
export function fakeResolver(names: Readonly<Record<string, readonly string[]>>): Resolver {
  return { addresses: async name => names[name] ?? [] }
}

/** Answers DNS questions by a function: records, a failure, or nothing where there are no records. */
export function fakeDns(
  answer: (
    question: DnsQuestion<DnsRecordType>,
  ) => readonly DnsRecords[DnsRecordType][] | AppError | undefined,
): DnsQuery {
  return async <Type extends DnsRecordType>(question: DnsQuestion<Type>) => {
    const found = answer(question) ?? []
    if (found instanceof AppError) throw found
    return found as readonly DnsRecords[Type][] // the script's own business
  }
}

/** What a script says for one program: its whole result, or its standard output. */
export type Scripted = string | Partial<ExecResult>

/** Runs scripts by program name; what has none does not exist (ERR_EXEC). */
export function fakeExec(
  programs: Readonly<Record<string, (args: readonly string[]) => Scripted | Promise<Scripted>>>,
): Exec {
  return async (program, args) => {
    const script = programs[program]
    if (script === undefined) throw new AppError('ERR_EXEC', `there is no program ${program}`)
    const result = await script(args)
    const given = typeof result === 'string' ? { stdout: result } : result
    return { exitCode: 0, stdout: '', stderr: '', ...given }
  }
}

/** Listeners without sockets. */
export type FakeListeners = {
  readonly listenHttp: ListenHttp
  /** What the listener on `port` answers, or `undefined` where none is. */
  request(port: number, request: ListenerRequest): ListenerReply | undefined
  /** The addresses that are listened on. */
  listening(): readonly ListenAddress[]
}

/** The first port given out for port 0. */
const firstEphemeralPort = 40_000

/** A machine without listeners. */
export function fakeListeners(): FakeListeners {
  const taken = new Map<string, { readonly address: ListenAddress; readonly answer: Answer }>()
  let nextPort = firstEphemeralPort

  const listenHttp: ListenHttp = async (addresses, answer) => {
    const bound = addresses.map(({ host, port }) => ({ host, port: port === 0 ? nextPort++ : port }))
    for (const address of bound) {
      if (!taken.has(keyOf(address))) continue
      const cause = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' })
      throw new AppError('ERR_LISTEN', `cannot listen on ${keyOf(address)}`, { cause })
    }
    for (const address of bound) taken.set(keyOf(address), { address, answer })
    const listener: Listener = {
      addresses: bound,
      [Symbol.asyncDispose]: async () => {
        for (const address of bound) taken.delete(keyOf(address))
      },
    }
    return listener
  }
  return {
    listenHttp,
    request: (port, request) => {
      const listener = [...taken.values()].find(({ address }) => address.port === port)
      return listener?.answer(request)
    },
    listening: () => [...taken.values()].map(({ address }) => address),
  }
}

/** Sockets of a file system on which nobody listens yet. */
export function fakeLocalHttp(): LocalHttp {
  const sockets = new Map<string, Answer>()
  return {
    listen: async (path, answer) => {
      sockets.set(path, answer)
      return { [Symbol.asyncDispose]: async () => void sockets.delete(path) }
    },
    ask: async (path, { method, path: target }) =>
      sockets.get(path)?.({ method, path: target, host: 'localhost' }),
  }
}

type Answer = (request: ListenerRequest) => ListenerReply

function keyOf({ host, port }: ListenAddress): string {
  return `${host}:${port}`
}
