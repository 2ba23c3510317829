/** `certwright verify`: what endpoints serve and what lies in the copies, compared with what is stored. */
import { mapConcurrently } from '../../base/concurrent.ts'
import { AppError, isAppError } from '../../base/errors.ts'
import { formatInstant, secondMs } from '../../base/instant.ts'
import { printable } from '../../base/printable.ts'
import { deployableOf, inspectTarget } from '../../manage/deployable.ts'
import { checkEndpoint, type JudgedLook } from '../../manage/monitor/check-endpoint.ts'
import { readStoredNow, type StoredNow, storedChain } from '../../manage/monitor/stored-now.ts'
import { changedCopies } from '../../manage/observe/copies.ts'
import { judgeLook } from '../../manage/observe/judge-look.ts'
import { lookAround } from '../../manage/observe/look-around.ts'
import { newest } from '../../manage/observe/observation.ts'
import { observeCertificate } from '../../manage/observe/observe.ts'
import {
  type CertificateSpec,
  type Config,
  type MonitoredEndpoint,
  parseSpecName,
  targetName,
} from '../../manage/spec.ts'
import { endpointForm, parseEndpoint, suggestScheme } from '../../runtime/endpoint-text.ts'
import { printResult } from '../../runtime/node/standard-output.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import {
  changesBetween,
  isVerified,
  type Verified,
  type VerifiedCertificate,
  verifyJson,
  verifyText,
} from '../verify-report.ts'
import { createWorkbench, findSpec, loadCommandConfig, type Workbench } from '../workbench.ts'

export type VerifyFlags = {
  /** Names of entries, and endpoints; everything that is configured when empty. */
  readonly args: readonly string[]
  /** The name to ask for at the endpoints that are given. */
  readonly serverName?: string
  /** The entry whose certificate they must show. */
  readonly certificate?: string
  readonly roots?: string
  /** Milliseconds. */
  readonly warnBefore?: number
  /** Milliseconds between looks; `true` is the usual. */
  readonly watch?: number | true
}

const defaultWatchMs = 60 * secondMs
/** Names that are looked at at once. */
const lookConcurrency = 10

/** Asks endpoints. Fails when one serves something else than it should, or nothing, or something that is soon over. */
export async function verify(context: CommandContext, flags: VerifyFlags): Promise<CommandResult> {
  const { args, watch } = flags
  const given = args.filter(isEndpointText).map(text => monitoredOf(text, flags))
  const names = args.filter(arg => !isEndpointText(arg))
  const config = await loadCommandConfig(context)
  if (flags.certificate !== undefined) findSpec(config, flags.certificate)
  const wholly = args.length === 0
  const wanted = new Set(names.flatMap(name => namesOf(findMeant(config, name))))
  const specs = config.certificates.filter(({ name }) => wholly || wanted.has(name))
  const endpoints = wholly ? config.endpoints : given
  await using bench = createWorkbench(context, config)
  const look = async (): Promise<Verified> => {
    const stored = endpoints.length === 0 ? [] : await storedOrNothing(context, bench)
    const options = { state: context.state, signal: context.signal, stored }
    const certificates: VerifiedCertificate[] = []
    for (const spec of specs) certificates.push(await verifySpec(spec, bench, context))
    return {
      certificates,
      endpoints: await mapConcurrently(endpoints, lookConcurrency, async monitored => ({
        monitored,
        looks: await checkEndpoint(monitored, options, bench.runtime),
      })),
    }
  }
  if (watch !== undefined) return await watchFor(look, watch === true ? defaultWatchMs : watch, context)
  return toResult(await look(), context)
}

/** @throws AppError ERR_NOT_FOUND that says how endpoints are told from entries */
function findMeant(config: Config, name: string): CertificateSpec {
  try {
    return findSpec(config, name)
  } catch (error) {
    if (!isAppError(error, 'ERR_NOT_FOUND')) throw error
    const hint = `${error.hint ?? ''}; an endpoint is written with its port or protocol: ${printable(name, 80)}:443`
    throw new AppError('ERR_NOT_FOUND', error.message, { hint, cause: error })
  }
}

/** Two certificates for the same names are one entry. */
function namesOf({ name, pair }: CertificateSpec): readonly string[] {
  return pair === undefined ? [name] : [name, pair]
}

/** No entry has a colon in its name, and every endpoint has one. */
function isEndpointText(argument: string): boolean {
  return argument.includes(':')
}

function monitoredOf(
  text: string,
  { serverName, certificate, roots, warnBefore }: VerifyFlags,
): MonitoredEndpoint {
  const address = parseEndpoint(text)
  if (address === undefined) {
    const near = suggestScheme(text)
    throw new AppError('ERR_USAGE', `${printable(text, 200)} is no endpoint`, {
      hint: near === undefined ? `write ${endpointForm}` : `did you mean ${near}://?`,
    })
  }
  const name = certificate === undefined ? undefined : parseSpecName(certificate)
  return {
    text,
    endpoint: { ...address, source: 'the command line', ...(serverName !== undefined && { serverName }) },
    ...(name !== undefined && { certificate: name }),
    ...(roots !== undefined && { rootsFile: roots }),
    ...(warnBefore !== undefined && { warnBeforeMs: warnBefore }),
  }
}

/** Who may not read the store can look at endpoints all the same. */
async function storedOrNothing(
  { state }: CommandContext,
  { runtime }: Workbench,
): Promise<readonly StoredNow[]> {
  try {
    return await readStoredNow(state, runtime)
  } catch (error) {
    if (isAppError(error, 'ERR_STORE', 'ERR_STORE_CORRUPT')) return []
    throw error
  }
}

async function verifySpec(
  spec: CertificateSpec,
  { deployerFor, runtime }: Workbench,
  { state, signal }: CommandContext,
): Promise<VerifiedCertificate> {
  const view = await observeCertificate(state, spec.name, runtime)
  const stored = view.live ?? newest(view)
  if (stored === undefined) {
    const error = new AppError('ERR_NOT_FOUND', `${spec.name} has no certificate yet`, {
      hint: `certwright apply --only ${spec.name}`,
    })
    return { spec, fingerprint: undefined, looks: [], notes: [], errors: [{ target: 'store', error }] }
  }
  const certificate = deployableOf(state, spec, stored)
  const expected = await storedChain(state, spec.name, stored, runtime)
  const looks: JudgedLook[] = []
  const notes: string[] = []
  const errors: { readonly target: string; readonly error: AppError }[] = []
  for (const target of spec.deploy) {
    const inspection = await inspectTarget(await deployerFor(target), certificate, { signal })
    if (inspection.state !== 'ready') errors.push({ target: targetName(target), error: inspection.error })
    else {
      notes.push(...inspection.notes)
      const seen = await mapConcurrently(inspection.endpoints, lookConcurrency, endpoint =>
        lookAround(endpoint, { expected, signal }, runtime),
      )
      looks.push(...seen.flat().map(look => ({ look, findings: judgeOwn(look, spec, stored, runtime) })))
    }
  }
  const delivered = view.deployments.filter(({ generation }) => generation === stored.generation)
  for (const { target, path, text } of await changedCopies(delivered, runtime)) {
    const hint = `certwright apply --only ${spec.name} writes it again`
    errors.push({ target, error: new AppError('ERR_DEPLOY', `${printable(path)} ${text}`, { hint }) })
  }
  if (spec.deploy.length === 0) notes.push('no targets are configured, so there is nothing to ask')
  return { spec, fingerprint: stored.fingerprint, looks, notes, errors }
}

/** When our own certificates end is the business of `status`, and which names are asked for that of the server. */
function judgeOwn(
  look: JudgedLook['look'],
  { name }: CertificateSpec,
  { fingerprint }: { readonly fingerprint: string },
  { clock }: Workbench['runtime'],
): JudgedLook['findings'] {
  return judgeLook(look, {
    now: clock.now(),
    wanted: { name, fingerprint },
    lenient: ['ends-soon', 'other-name'],
  })
}

/** Looks again and again, and tells what has changed, until it is stopped; ends like the last look. */
async function watchFor(
  look: () => Promise<Verified>,
  everyMs: number,
  context: CommandContext,
): Promise<CommandResult> {
  const { globals, runtime, signal } = context
  let before: Verified | undefined
  const tell = (now: Verified): void => {
    context.endProgress()
    const at = formatInstant(runtime.clock.now())
    const changes = before === undefined ? [] : changesBetween(before, now)
    if (before !== undefined && changes.length === 0) return
    if (globals.json === true) {
      const told = before === undefined ? verifyJson(now) : { ok: isVerified(now), changes }
      printResult(`${JSON.stringify({ at, ...told })}\n`)
    } else if (before === undefined) printResult(toResult(now, context).text)
    else
      printResult(
        changes
          .map(
            ({ where, before: was, text }) =>
              `${at} ${where}: ${was === undefined ? '' : `${was} -> `}${text}\n`,
          )
          .join(''),
      )
  }
  try {
    for (;;) {
      const now = await look()
      tell(now)
      before = now
      await runtime.clock.sleep(everyMs, signal)
    }
  } catch (error) {
    if (!signal.aborted || before === undefined) throw error
    return { ...toResult(before, context), text: '', json: undefined }
  }
}

function toResult(verified: Verified, { runtime, globals }: CommandContext): CommandResult {
  const nothing = verified.certificates.length === 0 && verified.endpoints.length === 0
  return {
    exitCode: isVerified(verified) ? exitCodes.done : exitCodes.failed,
    text: nothing
      ? 'no certificates and no endpoints are configured\n'
      : verifyText(verified, { now: runtime.clock.now(), color: globals.color }),
    json: verifyJson(verified),
  }
}
