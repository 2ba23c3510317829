/** Where Dovecot reads certificates and at which addresses it serves them. Pure. */
import type { StartTls } from '../../../runtime/network.ts'
import { reachable } from '../server/listen.ts'
import type { CertificatePlace } from '../server/place.ts'
import type { Block, Settings } from './doveconf.ts'

type Endpoint = CertificatePlace['endpoints'][number]

/** Services that clients connect to, and what is spoken there before TLS begins. */
const dialogues: Readonly<Record<string, StartTls>> = {
  'imap-login': 'imap',
  'pop3-login': 'pop3',
  'managesieve-login': 'sieve',
  lmtp: 'lmtp',
  'submission-login': 'smtp',
}

/** The certificates of a configuration: that of everybody, and those for names and addresses. */
export function dovecotPlaces(settings: Settings): readonly CertificatePlace[] {
  if (settings.values.get('ssl') === 'no') return []
  const everywhere = listeners(settings)
  // LMTP shows the certificate of everybody, whatever name it is asked for (seen with 2.3.19).
  const withNames = everywhere.filter(({ startTls }) => startTls !== 'lmtp')
  const general = placeOf(settings, { source: 'ssl_cert', endpoints: everywhere })
  const others = settings.blocks.flatMap(block => {
    const { type, label } = block
    const source = `ssl_cert in ${type} ${label}`
    if (type === 'local_name')
      return placeOf(block, { source, names: label.split(' '), endpoints: withNames })
    if (type === 'local')
      return placeOf(block, {
        source,
        endpoints: everywhere.filter(({ host }) => host === label),
      })
    return []
  })
  return [...general, ...others]
}

/** Version 2.4 has other words for the same, and may print them as a block. */
function placeOf(
  { values, blocks }: Settings,
  rest: Pick<CertificatePlace, 'names' | 'source' | 'endpoints'>,
): readonly CertificatePlace[] {
  const block = blocks.find(({ type }) => type === 'ssl_server')?.values
  const valueOf = (name: 'cert' | 'key') =>
    fileOf(block?.get(`${name}_file`) ?? values.get(`ssl_server_${name}_file`) ?? values.get(`ssl_${name}`))
  const [certificateFile, keyFile] = [valueOf('cert'), valueOf('key')]
  return certificateFile === undefined || keyFile === undefined ? [] : [{ certificateFile, keyFile, ...rest }]
}

/** In version 2.3 a value is the text of a certificate, unless `<` comes before a path. */
function fileOf(value: string | undefined): string | undefined {
  const path = value?.replace(/^</, '')
  return path?.startsWith('/') ? path : undefined
}

function listeners({ values, blocks }: Settings): readonly Endpoint[] {
  const list = blocks.filter(({ type }) => type === 'protocols').flatMap(block => [...block.values])
  const listed = list.flatMap(([protocol, value]) => (value === 'yes' ? [protocol] : []))
  const protocols = [...(values.get('protocols') ?? '').split(' '), ...listed]
  const usual = (values.get('listen') ?? '*, ::').split(/[\s,]+/)
  return blocks.flatMap(service => {
    const startTls = dialogues[service.label]
    const spoken = service.label.replace(/-login$/, '').replace('managesieve', 'sieve')
    if (service.type !== 'service' || startTls === undefined || !protocols.includes(spoken)) return []
    return service.blocks.flatMap(listener => endpointsOf(listener, startTls, usual))
  })
}

function endpointsOf(
  { type, values }: Block,
  startTls: StartTls,
  usual: readonly string[],
): readonly Endpoint[] {
  const port = Number(values.get('port'))
  if (type !== 'inet_listener' || !(port > 0)) return []
  const own = (values.get('address') ?? values.get('listen') ?? '')
    .split(/[\s,]+/)
    .filter(address => address !== '')
  const isTls = values.get('ssl') === 'yes'
  return (own.length > 0 ? own : usual).map(address => ({
    ...{ host: reachable(address), port },
    ...(!isTls && { startTls }),
    ...(values.get('haproxy') === 'yes' && { proxyProtocol: true }),
  }))
}
