/** The lines that make a configuration use a certificate: pure. */
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import { formatArgument } from './argument.ts'
import { formatPlace } from './config.ts'
import { formatAddress, type Listen } from './listen.ts'
import type { FileSetting, ServerBlock } from './server-blocks.ts'
import { matchingNames } from './server-names.ts'
import type { TlsSocket } from './sockets.ts'
import { isBelow, isPastTheLink, type Trails } from './usage.ts'

type Subject = Pick<DeployableCertificate, 'identifiers' | 'liveDirectory' | 'keyIsElsewhere' | 'pair'>

/** More than these and nobody reads on. */
const maxBlocks = 3
const tlsPort = 443

/** What to add or replace, with file and line; several lines of text. */
export function adviseUse(subject: Subject, { blocks, sockets, trails }: Configuration): string {
  const { identifiers } = subject
  const speaksTls = new Set(sockets.flatMap(({ members }) => members.map(({ block }) => block)))
  const candidates = blocks.filter(block => matchingNames(block, identifiers).length > 0)
  const tls = candidates.filter(block => speaksTls.has(block))
  const plain = candidates.filter(block => !block.redirectsToHttps)
  const chosen = tls.length > 0 ? tls : plain
  if (chosen.length === 0) return newBlock(subject, candidates)
  const lines = chosen
    .slice(0, maxBlocks)
    .flatMap(block => [
      ...(block.ownCertificates && !readsOther(block, subject)
        ? replacements(block, subject, trails)
        : additions(block, speaksTls.has(block), subject)),
    ])
  const more = chosen.length - maxBlocks
  return printableLines(more > 0 ? [...lines, `and the same in ${more} more`] : lines)
}

/** What the advice looks at. */
export type Configuration = {
  readonly blocks: readonly ServerBlock[]
  readonly sockets: readonly TlsSocket[]
  readonly trails: Trails
}

function replacements(
  { certificates, keys }: ServerBlock,
  subject: Subject,
  trails: Trails,
): readonly string[] {
  return [
    ...certificates.slice(0, 1).map(setting => replacement(setting, certificateLine(subject), trails)),
    ...(subject.keyIsElsewhere === true ? [] : keys)
      .slice(0, 1)
      .map(setting => replacement(setting, keyLine(subject), trails)),
    ...otherLines(subject).map((line, index) =>
      index === 0 ? `and beside them:\n    ${line}` : `    ${line}`,
    ),
  ]
}

function replacement(setting: FileSetting, line: string, trails: Trails): string {
  const why = isPastTheLink(setting, trails) ? ' (that file is never replaced; the link is)' : ''
  return `in ${formatPlace(setting.place)}, replace ${setting.value}${why}:\n    ${line}`
}

function additions(block: ServerBlock, speaksTls: boolean, subject: Subject): readonly string[] {
  const { place, listens } = block
  const lines = [
    ...(speaksTls ? [] : tlsListens(listens)),
    ...ownLines(subject),
    ...(readsOther(block, subject) ? [] : otherLines(subject)),
  ]
  return [`in ${formatPlace(place)}, add to the server block:`, ...lines.map(line => `    ${line}`)]
}

/** The same addresses on the TLS port: a block with other addresses would not be selected. */
function tlsListens(listens: readonly Listen[]): readonly string[] {
  const addresses = listens
    .filter(({ isUnix, isUdp }) => !isUnix && !isUdp)
    .map(listen => formatAddress({ ...listen, port: tlsPort }).replace(/^0\.0\.0\.0:/, ''))
  return [...new Set(addresses)].map(address => `listen ${address} ssl;`)
}

function newBlock(subject: Subject, redirecting: readonly ServerBlock[]): string {
  const names = subject.identifiers.map(identifier => identifier.value)
  const [first = 'the certificate'] = names
  const others = names.length > 1 ? ` or another name of the certificate` : ''
  const [redirect] = redirecting
  const usual = [`listen ${tlsPort} ssl;`, `listen [::]:${tlsPort} ssl;`]
  return printableLines([
    redirect === undefined
      ? `no server block has the server_name ${first}${others}; inside http, add:`
      : `${formatPlace(redirect.place)} redirects to https, which no server block answers; beside it, add:`,
    '    server {',
    ...(redirect === undefined ? usual : tlsListens(redirecting.flatMap(({ listens }) => listens))).map(
      line => `        ${line}`,
    ),
    `        server_name ${names.join(' ')};`,
    ...[...ownLines(subject), ...otherLines(subject)].map(line => `        ${line}`),
    '    }',
  ])
}

/** Whether a block reads the other certificate of a pair already. */
function readsOther({ certificates }: ServerBlock, { pair }: Subject): boolean {
  return pair !== undefined && certificates.some(setting => isBelow(setting, pair.otherDirectory))
}

function ownLines(subject: Subject): readonly string[] {
  return [certificateLine(subject), keyLine(subject)]
}

/** The same for the other certificate of a pair. */
function otherLines(subject: Subject): readonly string[] {
  const { pair } = subject
  return pair === undefined ? [] : ownLines({ ...subject, liveDirectory: pair.otherDirectory })
}

function certificateLine({ liveDirectory }: Subject): string {
  return `ssl_certificate ${formatArgument(`${liveDirectory}/fullchain.pem`)};`
}

function keyLine({ liveDirectory, keyIsElsewhere }: Subject): string {
  if (keyIsElsewhere === true)
    return 'ssl_certificate_key /PATH/OF/THE/KEY; # the one that the CSR was made with'
  return `ssl_certificate_key ${formatArgument(`${liveDirectory}/privkey.pem`)};`
}

function printableLines(lines: readonly string[]): string {
  return lines
    .flatMap(line => line.split('\n'))
    .map(line => printable(line))
    .join('\n')
}
