/** `certwright show NAME`. */
import { formatInstant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import { expectedRenewal } from '../../manage/plan/renewal-time.ts'
import { certificateFiles, livePath } from '../../manage/store/paths.ts'
import type { StoredCertificate } from '../../manage/store/stored-certificate.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { inOneLine } from '../error-text.ts'
import { findStored } from '../stored.ts'
import { whenText } from '../text.ts'
import { deploymentJson } from './status.ts'

/** Prints all that is known about one certificate. */
export async function show(
  context: CommandContext,
  { args }: { readonly args: readonly string[] },
): Promise<CommandResult> {
  const { state, runtime } = context
  const name = await findStored(context, args[0] ?? '')
  const view = await observeCertificate(state, name, runtime)
  const now = runtime.clock.now()
  const certificate = newest(view)
  const lines: (readonly [string, string])[] = [['name', name]]
  if (certificate !== undefined) {
    lines.push(
      ['identifiers', certificate.identifiers.map(({ value }) => value).join(', ')],
      ['key', certificate.keyType],
      ['authority', `${certificate.authority.id} (${printable(certificate.authority.directory)})`],
      ['issuer', printable(certificate.issuer)],
      ['serial', certificate.serialNumber],
      ['fingerprint', `sha256 ${certificate.fingerprint}`],
      ['valid from', whenText(certificate.notBefore, now)],
      ['valid until', whenText(certificate.notAfter, now)],
      ['renewal', whenText(expectedRenewal(certificate, view.renewal).at, now)],
      ['order', printable(certificate.orderUrl)],
    )
    if (certificate.revokedAt !== undefined) lines.push(['revoked', whenText(certificate.revokedAt, now)])
  }
  lines.push(['directory', `${livePath(state, name)}/`], ['files', filesOf(certificate)])
  for (const { generation, notAfter } of view.generations) {
    const live = generation === view.live?.generation ? ', live' : ''
    lines.push(['generation', `${generation}, until ${formatInstant(notAfter)}${live}`])
  }
  for (const { target, at, seenAt, failure } of view.deployments) {
    const seen = seenAt.length === 0 ? 'no endpoint to look at' : `seen at ${seenAt.join(', ')}`
    const outcome = failure === undefined ? seen : `failed: ${inOneLine(failure.message)}`
    lines.push(['delivered', `${target}, ${whenText(at, now)}, ${outcome}`])
  }
  if (view.run !== undefined) {
    const failure = view.run.failure === undefined ? '' : `, failed: ${inOneLine(view.run.failure.message)}`
    lines.push(['unfinished', `begun ${whenText(view.run.openedAt, now)}${failure}`])
  }
  for (const damage of view.damaged) lines.push(['damaged', inOneLine(damage.message)])
  const width = Math.max(...lines.map(([key]) => key.length)) + 2
  return {
    exitCode: exitCodes.done,
    text: lines.map(([key, value]) => `${key.padEnd(width)}${value}\n`).join(''),
    json: {
      name,
      directory: livePath(state, name),
      live: view.live?.generation,
      generations: view.generations.map(({ notBefore, notAfter, storedAt, revokedAt, ...facts }) => ({
        ...facts,
        notBefore: formatInstant(notBefore),
        notAfter: formatInstant(notAfter),
        storedAt: formatInstant(storedAt),
        ...(revokedAt !== undefined && { revokedAt: formatInstant(revokedAt) }),
      })),
      ...(certificate !== undefined && {
        renewAt: formatInstant(expectedRenewal(certificate, view.renewal).at),
      }),
      deployments: view.deployments.map(deploymentJson),
      damaged: view.damaged.map(({ message }) => message),
    },
  }
}

function filesOf(certificate: StoredCertificate | undefined): string {
  const files = certificateFiles.filter(
    file => certificate === undefined || certificate.files[file] !== undefined,
  )
  return `${files.join(', ')}${files.length < certificateFiles.length ? '; the key is where the CSR was made' : ''}`
}
