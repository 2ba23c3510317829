/** Endpoints that are looked at, whoever runs them: `endpoints:` of the configuration. Pure. */
import { parseDurationMs } from '../../base/duration.ts'
import { v } from '../../base/schema.ts'
import { serverNameSchema } from '../../contracts/files-target.ts'
import { endpointForm, parseEndpoint } from '../../runtime/endpoint-text.ts'
import { type MonitoredEndpoint, parseSpecName } from '../spec.ts'

const endpointText = v.pipe(
  v.string(),
  v.check(text => parseEndpoint(text) !== undefined, `must be ${endpointForm}`),
)

/** Schema of `endpoints:`. @internal */
export const endpointsSchema = v.array(
  v.union(
    [
      endpointText,
      v.strictObject({
        endpoint: endpointText,
        'server-name': v.optional(serverNameSchema),
        certificate: v.optional(v.string()),
        'warn-before': v.optional(
          v.pipe(v.string(), v.check(isDuration, 'must be a duration such as 21 d or 36 h')),
        ),
        roots: v.optional(v.pipe(v.string(), v.startsWith('/', 'must be an absolute path'))),
      }),
    ],
    `must be an endpoint (${endpointForm}), or { endpoint: ... } with server-name, certificate, warn-before or roots`,
  ),
)
type EndpointEntry = v.InferOutput<typeof endpointsSchema>[number]

function isDuration(text: string): boolean {
  try {
    return parseDurationMs(text) > 0
  } catch {
    return false
  }
}

/**
 * The endpoints of a configuration, in its order.
 * @param options.names - of the certificates
 * @param options.report - is told of mistakes, each with the path to the key
 */
export function readEndpoints(
  entries: readonly EndpointEntry[],
  {
    names,
    source,
    report,
  }: {
    readonly names: ReadonlySet<string>
    readonly source: string
    readonly report: (path: readonly (string | number)[], text: string, hint?: string) => void
  },
): readonly MonitoredEndpoint[] {
  const found = new Map<string, MonitoredEndpoint>()
  for (const [index, entry] of entries.entries()) {
    const monitored = readEndpoint(entry, source)
    const { certificate } = typeof entry === 'string' ? {} : entry
    if (certificate !== undefined && !names.has(certificate))
      report(
        ['endpoints', index, 'certificate'],
        `there is no certificate ${certificate}`,
        'name an entry of certificates',
      )
    if (found.has(monitored.text)) report(['endpoints', index], `${monitored.text} is there twice`)
    found.set(monitored.text, monitored)
  }
  return [...found.values()]
}

function readEndpoint(entry: EndpointEntry, source: string): MonitoredEndpoint {
  const { endpoint: text, ...options } = typeof entry === 'string' ? { endpoint: entry } : entry
  const { 'server-name': serverName, certificate, 'warn-before': warnBefore, roots } = options
  const address = parseEndpoint(text) ?? { host: text, port: 443 } // the schema admits only what can be parsed
  const name = certificate === undefined ? undefined : parseSpecName(certificate)
  return {
    text: serverName === undefined ? text : `${serverName} at ${text}`,
    endpoint: { ...address, source, ...(serverName !== undefined && { serverName }) },
    ...(name !== undefined && { certificate: name }),
    ...(warnBefore !== undefined && { warnBeforeMs: parseDurationMs(warnBefore) }),
    ...(roots !== undefined && { rootsFile: roots }),
  }
}
