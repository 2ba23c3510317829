/** What people should know about the way a configuration uses a certificate: pure. */
import type { Identifier } from '../../../acme/identifier.ts'
import { printable } from '../../../base/printable.ts'
import type { DeployableCertificate } from '../../../contracts/deployer.ts'
import { formatPlace } from './config.ts'
import { type BlockEndpoint, selectingNames } from './endpoints.ts'
import { describeListen } from './listen.ts'
import type { FileSetting, ServerBlock } from './server-blocks.ts'
import { isRegex, matchingNames } from './server-names.ts'
import { probeHost, type TlsSocket } from './sockets.ts'
import { fileOfOurs, isBelow, type Trails, usesCertificate } from './usage.ts'

/** What the notes are about. */
export type Findings = {
  readonly blocks: readonly ServerBlock[]
  readonly sockets: readonly TlsSocket[]
  readonly identifiers: readonly Identifier[]
  readonly trails: Trails
  readonly endpoints: readonly BlockEndpoint[]
  /** That the key is elsewhere is as it should be, and so is the other certificate of a pair. */
  readonly expected: Pick<DeployableCertificate, 'keyIsElsewhere' | 'pair'>
}

/** One line each, with file and line where there is one. */
export function describeFindings(findings: Findings): readonly string[] {
  const { blocks, trails, expected } = findings
  const using = blocks.filter(block => usesCertificate(block, trails))
  const notes = [
    ...using.flatMap(block => settingNotes(block, trails, expected)),
    ...reachNotes(findings, using),
    ...using.flatMap(block => unprobedNotes(block, findings)),
    ...otherCertificateNotes(findings, using),
    ...missingNameNotes(findings, using),
  ]
  return [...new Set(notes)].map(note => printable(note))
}

function settingNotes(
  { certificates, keys }: ServerBlock,
  trails: Trails,
  { keyIsElsewhere = false, pair }: Findings['expected'],
): readonly string[] {
  const isForeign = (setting: FileSetting): boolean =>
    fileOfOurs(setting, trails) === undefined &&
    !(pair !== undefined && isBelow(setting, pair.otherDirectory))
  const bare = certificates.filter(setting => fileOfOurs(setting, trails) === 'cert.pem')
  const others = certificates.filter(isForeign)
  // With several certificates, the foreign keys belong to the foreign certificates.
  const strangeKeys = others.length > 0 || keyIsElsewhere ? [] : keys.filter(isForeign)
  return [
    ...bare.map(({ place }) => `${formatPlace(place)}: cert.pem lacks the intermediates; use fullchain.pem`),
    ...others.map(
      ({ place, value }) =>
        `${formatPlace(place)}: ${value} stands beside this certificate; clients get the one whose key suits them`,
    ),
    ...strangeKeys.map(
      ({ place, value }) =>
        `${formatPlace(place)}: ${value} is not the key beside the certificate, and will not fit the next one`,
    ),
  ]
}

function reachNotes({ sockets }: Findings, using: readonly ServerBlock[]): readonly string[] {
  return sockets
    .filter(({ members }) => members.some(({ block }) => using.includes(block)))
    .flatMap(socket => {
      const at = probeHost(socket, sockets)
      return 'host' in at ? [] : [`${describeListen(socket.listen)} is not looked at: ${at.unreachable}`]
    })
}

function unprobedNotes(block: ServerBlock, { endpoints, sockets }: Findings): readonly string[] {
  if (endpoints.some(endpoint => endpoint.block === block)) return []
  const own = sockets.filter(({ members }) => members.some(member => member.block === block))
  if (own.length === 0 && !block.ownCertificates) return [] // a plain block below a certificate for all
  if (own.some(socket => 'unreachable' in probeHost(socket, sockets))) return [] // said above
  const why =
    own.length === 0
      ? 'has no "listen … ssl"'
      : block.names.some(isRegex)
        ? 'has a regular expression as its name, which only nginx can match'
        : 'no name in the certificate leads a TLS client to it'
  return [`${formatPlace(block.place)}: uses the certificate, but ${why}`]
}

/** Blocks that answer for names of the certificate with something else. */
function otherCertificateNotes(
  { sockets, identifiers }: Findings,
  using: readonly ServerBlock[],
): readonly string[] {
  return sockets.flatMap(socket =>
    socket.members
      .filter(({ block }) => !using.includes(block))
      .flatMap(member => {
        const names = selectingNames(member, socket, identifiers)
        const [shown] = member.block.certificates
        const what = shown === undefined ? 'without a certificate of its own' : `with ${shown.value}`
        const place = formatPlace(member.block.place)
        return names.length === 0 ? [] : [`${place}: answers for ${names.join(', ')} ${what}`]
      }),
  )
}

/** Names for which TLS clients get whatever the first block shows. */
function missingNameNotes(
  { sockets, identifiers }: Findings,
  using: readonly ServerBlock[],
): readonly string[] {
  if (sockets.some(({ fallback }) => using.includes(fallback.block))) return []
  const members = sockets.flatMap(socket => socket.members)
  if (members.some(({ names }) => names.some(isRegex))) return []
  return identifiers
    .filter(({ type }) => type === 'dns')
    .filter(identifier => !members.some(member => matchingNames(member, [identifier]).length > 0))
    .map(({ value }) => `no server block that speaks TLS has the name ${value}`)
}
