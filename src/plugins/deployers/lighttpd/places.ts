/** Where lighttpd reads certificates, from its configuration as `lighttpd -p` prints it. Pure. */
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'

/** What is said in one condition, or outside of them all. */
export type Block = {
  readonly conditions: readonly Condition[]
  readonly settings: ReadonlyMap<string, string>
}
type Condition = { readonly variable: string; readonly operator: string; readonly value: string }
type OpenBlock = Block & { readonly settings: Map<string, string> }

/** Reads what `lighttpd -p` prints, the first block being what is said outside of conditions. */
export function parsePrinted(text: string): readonly Block[] {
  const top: OpenBlock = { conditions: [], settings: new Map() }
  const blocks = [top]
  const open = [top]
  for (const line of text.split('\n').map(one => one.trim())) {
    const here = open.at(-1) ?? top
    const [, variable, operator = '', value = ''] =
      /^(?:else )?(\$\w+(?:\["[^"]*"\])?) (\S+) "(.*)" \{$/.exec(line) ?? []
    const [, key, quoted, plain] = /^([\w.-]+) += (?:"(.*)"|(\d+))$/.exec(line) ?? []
    if (variable !== undefined || line === 'else {') {
      const own = variable === undefined ? [] : [{ variable, operator, value }]
      const block = { conditions: [...here.conditions, ...own], settings: new Map<string, string>() }
      blocks.push(block)
      open.push(block)
    } else if (line.startsWith('}')) {
      if (open.length > 1) open.pop()
    } else if (key !== undefined) here.settings.set(key, quoted ?? plain ?? '')
  }
  return blocks
}

type Endpoint = CertificatePlace['endpoints'][number]
type Socket = {
  readonly block: Block
  readonly name: string | undefined
  readonly endpoints: readonly Endpoint[]
}

const socketVariable = '$SERVER["socket"]'
const hostVariables = ['$HTTP["host"]', '$HTTP["servername"]']

/** The certificates of the sockets with TLS, and those for names there. */
export function lighttpdPlaces(blocks: readonly Block[], source: string): readonly CertificatePlace[] {
  const [top] = blocks
  if (top === undefined) return []
  const sockets = blocks.flatMap(block => toSocket(block, top))
  return blocks.flatMap(block => {
    const certificateFile = block.settings.get('ssl.pemfile')
    if (certificateFile === undefined || !certificateFile.startsWith('/')) return []
    const keyFile = block.settings.get('ssl.privkey') ?? certificateFile
    const names = namesOf(block)
    const [socket] = block.conditions.filter(({ variable }) => variable === socketVariable)
    const served = sockets.filter(one =>
      socket === undefined
        ? block !== top || one.block === top || !one.block.settings.has('ssl.pemfile')
        : one.name === socket.value,
    )
    const where = block.conditions.map(({ value }) => value).join(', ')
    return {
      ...{ certificateFile, keyFile, source: where === '' ? source : `${source}: ${where}` },
      ...(names !== undefined && { names }),
      endpoints: served.flatMap(({ endpoints }) => endpoints),
    }
  })
}

function toSocket(block: Block, top: Block): readonly Socket[] {
  if (block.settings.get('ssl.engine') !== 'enable') return []
  if (block === top) {
    const bind = top.settings.get('server.bind') ?? ''
    const port = Number(top.settings.get('server.port') ?? 80)
    const endpoints = bind.startsWith('/') ? [] : [{ host: reachable(bind), port }]
    return [{ block, name: undefined, endpoints }]
  }
  const [socket] = block.conditions.filter(
    ({ variable, operator }) => variable === socketVariable && operator === '==',
  )
  if (socket === undefined) return []
  const [, host, port] = /^(\[[^\]]*\]|[^:/]*):(\d+)$/.exec(socket.value) ?? []
  const endpoints = host === undefined ? [] : [{ host: reachable(host), port: Number(port) }]
  return [{ block, name: socket.value, endpoints }]
}

/** Where a regular expression or a negation chooses, the names are not known: it is asked for those of the certificate. */
function namesOf({ conditions }: Block): readonly string[] | undefined {
  const host = conditions.find(({ variable }) => hostVariables.includes(variable))
  if (host?.operator === '==') return [host.value.toLowerCase()]
  return host?.operator === '=$' && host.value.startsWith('.') ? [`*${host.value.toLowerCase()}`] : undefined
}
