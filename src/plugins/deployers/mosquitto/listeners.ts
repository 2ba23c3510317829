/** What stands in the configuration of Mosquitto. Pure. */
import { posix } from 'node:path'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** A line that says something, and where it stands: `FILE:LINE`. */
export type ConfigLine = { readonly name: string; readonly value: string; readonly at: string }

/** A certificate, and whether it is served by a listener that reads it once, when Mosquitto is started. */
export type ListenerPlace = CertificatePlace & { readonly isReadOnce: boolean }

type Listener = {
  at: string
  port: number
  address: string
  certificateFile: string | undefined
  keyFile: string | undefined
  isWebsockets: boolean
}

/** The default port of the listener that has no `listener` line. */
const usualPort = 1883

/** A name and the rest of the line; comments begin at the first column. */
export function parseLines(text: string, file: string): readonly ConfigLine[] {
  return text.split('\n').flatMap((line, index) => {
    const [, name, value = ''] = /^([a-z_0-9]+)(?:\s+(.*?))?\s*$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, value, at: `${file}:${index + 1}` }]
  })
}

/** The listeners with a certificate of their own. What comes before the first `listener` is about one that has no such line. */
export function mosquittoPlaces(lines: readonly ConfigLine[]): readonly ListenerPlace[] {
  const listeners: Listener[] = [listenerAt('', usualPort)]
  for (const { name, value, at } of lines) {
    const here = listeners.at(-1)
    if (name === 'listener') {
      const [port = '', address = ''] = value.split(/\s+/)
      listeners.push(listenerAt(at, Number(port), address))
    } else if (here !== undefined) set(here, { name, value, at })
  }
  return listeners.flatMap(placeOf)
}

function listenerAt(at: string, port: number, address = ''): Listener {
  return { at, port, address, certificateFile: undefined, keyFile: undefined, isWebsockets: false }
}

function set(listener: Listener, { name, value, at }: ConfigLine): void {
  if (name === 'certfile') {
    listener.certificateFile = value
    listener.at ||= at
  } else if (name === 'keyfile') listener.keyFile = value
  else if (name === 'bind_address') listener.address = value
  else if (name === 'port') listener.port = Number(value)
  else if (name === 'protocol') listener.isWebsockets = value === 'websockets'
}

function placeOf(listener: Listener): readonly ListenerPlace[] {
  const { at, port, address, certificateFile, keyFile, isWebsockets } = listener
  if (certificateFile === undefined || keyFile === undefined) return []
  return [
    {
      // Services are started there.
      certificateFile: posix.resolve('/', certificateFile),
      keyFile: posix.resolve('/', keyFile),
      source: at,
      // Port 0 is a socket of this machine.
      endpoints: port > 0 ? [{ host: reachable(address), port }] : [],
      isReadOnce: isWebsockets,
    },
  ]
}
