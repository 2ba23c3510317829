/** What RabbitMQ says of its listeners, and what stands in its file. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/**
 * An Erlang expression whose value is a list of `{Protocol, Address, Port, CertificateFile, KeyFile}` for each listener with TLS
 * of the node, whatever plugin it belongs to. Web servers have their options one level deeper. It has neither quotes nor
 * anything else that a shell would read, because packages wrap `rabbitmqctl` in one.
 */
export const listenersExpression = [
  '[{P, case proplists:get_value(ip, O, I) of T when is_tuple(T) -> inet:ntoa(T); T -> T end, N,',
  'proplists:get_value(certfile, O), proplists:get_value(keyfile, O)} ||',
  '{listener, M, P, _, I, N, L} <- rabbit_networking:active_listeners(), M =:= node(), is_list(L),',
  'O <- [L ++ proplists:get_value(ssl_opts, L, [])], proplists:is_defined(certfile, O)].',
].join(' ')

// A long string is printed in pieces, one after the other.
const string = '((?:"(?:[^"\\\\]|\\\\.)*"\\s*)+|undefined)'
const tuple = new RegExp(
  `\\{\\s*'?([a-z_/-]+)'?,\\s*${string},\\s*(\\d+),\\s*${string},\\s*${string}\\}`,
  'g',
)

/** Reads the value of {@link listenersExpression} as it is printed. */
export function parseListeners(text: string): readonly CertificatePlace[] {
  return [...text.matchAll(tuple)].map(([, protocol = '', address, port, certificate, key]) => {
    const certificateFile = unquote(certificate)
    return {
      certificateFile,
      keyFile: unquote(key) || certificateFile,
      source: `listener ${protocol}`,
      endpoints: [{ host: reachable(unquote(address)), port: Number(port) }],
    }
  })
}

function unquote(printed = ''): string {
  return [...printed.matchAll(/"((?:[^"\\]|\\.)*)"/g)]
    .map(([, piece = '']) => piece.replace(/\\(.)/g, '$1'))
    .join('')
}

/** The certificates that `rabbitmq.conf` names: `ssl_options.certfile`, `management.ssl.certfile`, and so on. */
export function parseConfig(text: string, file: string): readonly CertificatePlace[] {
  const found = new Map<string, Map<string, string>>()
  for (const line of text.split('\n')) {
    const [, section = '', name = '', value = ''] =
      /^\s*((?:[\w.]+\.)?ssl(?:_options)?)\.(certfile|keyfile)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    const known = found.get(section) ?? new Map<string, string>()
    if (name !== '') found.set(section, known.set(name, value.replace(/^'(.*)'$/, '$1')))
  }
  return [...found].flatMap(([section, values]) => {
    const certificateFile = values.get('certfile')
    const keyFile = values.get('keyfile') ?? certificateFile
    if (certificateFile === undefined || keyFile === undefined) return []
    return [{ certificateFile, keyFile, source: `${section}.certfile in ${file}`, endpoints: [] }]
  })
}
