/** What is answered on the status socket and on the address for metrics. Pure. */
import type { ListenerReply, ListenerRequest } from '../runtime/network.ts'
import { type DaemonStatus, daemonStatusJson } from './status.ts'

/** What the answers are made of. */
export type Surface = {
  status(): DaemonStatus
  /** Why it does not do its work, if it does not. */
  trouble(): string | undefined
  metrics(): string
  /** The names of the configured certificates. */
  names(): readonly string[]
  look(what: 'all' | readonly string[]): void
}

/** Of the text format that every version of Prometheus reads. */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/** The status socket, which only the owner of the state directory can open. */
export function answerLocally(request: ListenerRequest, surface: Surface): ListenerReply {
  const { pathname, searchParams } = new URL(request.path, 'http://localhost')
  if (pathname === '/apply') {
    if (request.method !== 'POST') return json(405, { error: 'POST it' })
    const only = searchParams.getAll('only')
    const unknown = only.filter(name => !surface.names().includes(name))
    if (unknown.length > 0) return json(404, { error: 'not in the configuration', names: unknown })
    surface.look(only.length === 0 ? 'all' : only)
    return json(202, { accepted: true })
  }
  if (!isRead(request)) return json(405, { error: 'GET it' })
  if (pathname === '/status') return json(200, daemonStatusJson(surface.status()))
  if (pathname === '/metrics') return metrics(surface)
  if (pathname !== '/health') return json(404, { error: 'ask for /status, /health, /metrics or /apply' })
  const trouble = surface.trouble()
  return trouble === undefined ? json(200, { ok: true }) : json(503, { ok: false, trouble })
}

/** The address for metrics, which may be open to others. */
export function answerScrape(request: ListenerRequest, surface: Pick<Surface, 'metrics'>): ListenerReply {
  const { pathname } = new URL(request.path, 'http://localhost')
  if (!isRead(request)) return { status: 405, body: '' }
  return pathname === '/metrics' ? metrics(surface) : { status: 404, body: '' }
}

function metrics(surface: Pick<Surface, 'metrics'>): ListenerReply {
  return { status: 200, body: surface.metrics(), contentType: metricsType }
}

function isRead({ method }: ListenerRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

function json(status: number, value: unknown): ListenerReply {
  return { status, body: `${JSON.stringify(value, undefined, 2)}\n`, contentType: 'application/json' }
}
