/** One monitored endpoint: looked at, and compared with what is wanted of it and with what the store holds. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { formatInstant, type Instant } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { type Certificate, parseCertificate } from '../../x509/certificate.ts'
import { parsePem } from '../../x509/pem.ts'
import type { EndpointLook, Sight } from '../observe/endpoint-look.ts'
import { judgeLook, type LookFinding } from '../observe/judge-look.ts'
import { lookAround } from '../observe/look-around.ts'
import { keyKindOf, rsaSuffix } from '../pair.ts'
import type { MonitoredEndpoint } from '../spec.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'
import { kinshipOf, type StoredNow, storedChain } from './stored-now.ts'

/** A look, and what it means. */
export type JudgedLook = {
  readonly look: EndpointLook
  /** The worst first. */
  readonly findings: readonly LookFinding[]
  /** The entry whose newest certificate it shows. */
  readonly stored?: string
}

export type CheckOptions = {
  /** The state directory. */
  readonly state: string
  readonly stored: readonly StoredNow[]
  readonly signal: AbortSignal
}

type CheckRuntime = Pick<Runtime, 'clock' | 'files' | 'probeTls' | 'resolver' | 'systemRoots'>

/**
 * Looks at every address of an endpoint, and at both kinds of key. Failures are values.
 * @throws AppError ERR_ABORTED
 */
export async function checkEndpoint(
  monitored: MonitoredEndpoint,
  { state, stored, signal }: CheckOptions,
  runtime: CheckRuntime,
): Promise<readonly JudgedLook[]> {
  const { endpoint, certificate, rootsFile, warnBeforeMs } = monitored
  const roots = rootsFile === undefined ? [] : await readRoots(rootsFile, runtime)
  if (roots instanceof AppError) return [judgeOwnFault(endpoint, roots, runtime.clock.now())]
  const wanted = stored.find(({ name }) => name === certificate)?.generations.at(-1)
  const expected =
    certificate === undefined || wanted === undefined
      ? []
      : await storedChain(state, certificate, wanted, runtime)
  const options = { roots, signal, bothKinds: true, ...(expected.length > 0 && { expected }) }
  const looks = await lookAround(endpoint, options, runtime)
  return looks.map(look => {
    const want = 'seen' in look ? wantedFor(monitored, look.seen, stored) : undefined
    const findings = judgeLook(look, {
      now: runtime.clock.now(),
      ...(warnBeforeMs !== undefined && { warnBeforeMs }),
      ...(want !== undefined && certificate !== undefined && { wanted: { name: certificate, ...want } }),
    })
    if ('error' in look) return { look, findings }
    const { endpoint: asked, seen } = look
    const kinship = kinshipOf(seen.fingerprint, asked.serverName ?? asked.host, stored)
    return {
      look,
      findings: [...missingFindings(monitored, want), ...findings, ...kinshipFindings(kinship, certificate)],
      ...(kinship.kind === 'current' && { stored: kinship.name }),
    }
  })
}

/** The newest certificate of the entry, of the kind of key that is shown. */
function wantedFor(
  { certificate }: MonitoredEndpoint,
  { keyKind }: Sight,
  stored: readonly StoredNow[],
): StoredCertificate | undefined {
  if (certificate === undefined) return undefined
  const newestOf = (name: string) => stored.find(one => one.name === name)?.generations.at(-1)
  const own = newestOf(certificate)
  const other = newestOf(`${certificate}${rsaSuffix}`)
  return other !== undefined && keyKindOf(other.keyType) === keyKind ? other : own
}

function missingFindings(
  { certificate }: MonitoredEndpoint,
  wanted: StoredCertificate | undefined,
): readonly LookFinding[] {
  if (certificate === undefined || wanted !== undefined) return []
  const text = `there is no certificate ${certificate} in the store to compare with`
  return [{ kind: 'other-certificate', level: 'wrong', text, hint: `certwright apply --only ${certificate}` }]
}

/** An earlier certificate of ours is a server that was not reloaded; one that is not ours may be meant so. */
function kinshipFindings(
  kinship: ReturnType<typeof kinshipOf>,
  certificate: string | undefined,
): readonly LookFinding[] {
  if (certificate !== undefined) return []
  if (kinship.kind === 'superseded') {
    const { name, newest } = kinship
    const text = `it shows an earlier certificate of ${name}; the newest ends ${formatInstant(newest.notAfter)}`
    const hint = `certwright deploy ${name} delivers it again`
    return [{ kind: 'other-certificate', level: 'wrong', text, hint }]
  }
  if (kinship.kind === 'beside') {
    const text = `it is not the certificate of ${kinship.name}, which is stored for this name`
    return [{ kind: 'other-certificate', level: 'note', text }]
  }
  return []
}

function judgeOwnFault(endpoint: MonitoredEndpoint['endpoint'], error: AppError, now: Instant): JudgedLook {
  const look = { endpoint, error }
  return { look, findings: judgeLook(look, { now }) }
}

async function readRoots(
  path: string,
  { files }: Pick<Runtime, 'files'>,
): Promise<readonly Certificate[] | AppError> {
  const refuse = (what: string, cause?: unknown) =>
    new AppError('ERR_CONFIG_READ', what, { cause, hint: 'roots takes a PEM file with certificates' })
  try {
    const content = await files.read(path)
    if (content === undefined) return refuse(`there is no file ${printable(path)} with roots`)
    return parsePem(new TextDecoder().decode(content), 'CERTIFICATE').map(parseCertificate)
  } catch (error) {
    if (isAppError(error, 'ERR_ABORTED')) throw error
    return refuse(`cannot read the roots in ${printable(path)}: ${messageOf(error)}`, error)
  }
}
