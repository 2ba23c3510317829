/** Programs of the user's own around an issuance: by path and arguments, never by a shell, in a clean environment. */
import { AppError, isAppError, messageOf } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { certificateEnvironment } from '../../contracts/certificate-environment.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OnEvent } from '../events.ts'
import type { CertificateSpec, Command } from '../spec.ts'
import { readHooks, writeHooks } from '../store/hooks.ts'
import { livePath } from '../store/paths.ts'
import type { StoredCertificate } from '../store/stored-certificate.ts'

/** What is shown of the output of a program that failed: its last lines. */
const shownLines = 5
const maxLineLength = 200

export type HookOptions = {
  readonly spec: CertificateSpec
  readonly onEvent: OnEvent
  readonly signal: AbortSignal
}

/**
 * Runs the hooks before an issuance, in order.
 * @throws AppError ERR_HOOK from the first that fails; those after it are not run. ERR_ABORTED
 */
export async function runBeforeHooks(
  state: string,
  options: HookOptions,
  runtime: Pick<Runtime, 'exec'>,
): Promise<void> {
  for (const command of options.spec.hooks?.before ?? [])
    await run('before-issuance', command, environment(state, 'before-issuance', options), options, runtime)
}

/**
 * Writes down that the hooks after the delivery of a generation are to be run, before it is delivered: a process that dies
 * in between leaves them to the next one. Those that were begun for this generation go on where they were.
 */
export async function expectAfterHooks(
  state: string,
  { spec, certificate }: Pick<HookOptions, 'spec'> & { readonly certificate: StoredCertificate },
  runtime: Pick<Runtime, 'files'>,
): Promise<void> {
  if (spec.hooks === undefined || spec.hooks.after.length === 0) return
  const { generation } = certificate
  const record = await readHooks(state, spec.name, runtime).catch(forgetDamaged)
  if (record?.generation !== generation) await writeHooks(state, spec.name, { generation, done: 0 }, runtime)
}

/**
 * Runs the hooks that are still to follow the delivery of a generation, and writes each down when it is done.
 * @returns whether there were any
 * @throws AppError ERR_HOOK from the first that fails: it is the first of those that are still to be run. ERR_ABORTED
 */
export async function runAfterHooks(
  state: string,
  options: HookOptions & { readonly certificate: StoredCertificate },
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<boolean> {
  const { spec, certificate } = options
  const { generation } = certificate
  const record = await readHooks(state, spec.name, runtime).catch(forgetDamaged)
  const due = record?.generation === generation ? (spec.hooks?.after ?? []).slice(record.done) : []
  let done = record?.done ?? 0
  const env = environment(state, 'after-delivery', options)
  for (const command of due) {
    await run('after-delivery', command, env, options, runtime)
    done += 1
    await writeHooks(state, spec.name, { generation, done }, runtime)
  }
  return due.length > 0
}

/** Without the record it is not known what is to be run: nothing, then. Observing the certificate reports the damage. */
function forgetDamaged(error: unknown): undefined {
  if (!isAppError(error, 'ERR_STORE_CORRUPT')) throw error
}

type HookEvent = 'before-issuance' | 'after-delivery'

function environment(
  state: string,
  event: HookEvent,
  { spec, certificate }: { readonly spec: CertificateSpec; readonly certificate?: StoredCertificate },
): Readonly<Record<string, string>> {
  const { name, identifiers } = spec
  const directory = livePath(state, name)
  return certificateEnvironment(event, { name, identifiers, directory, issued: certificate })
}

async function run(
  event: HookEvent,
  [program = '', ...args]: Command,
  env: Readonly<Record<string, string>>,
  { spec, onEvent, signal }: HookOptions,
  { exec }: Pick<Runtime, 'exec'>,
): Promise<void> {
  const command = printable([program, ...args].join(' '), maxLineLength)
  const what = `the hook "${command}" ${event === 'before-issuance' ? 'before the issuance' : 'after the delivery'} of ${spec.name}`
  onEvent({ certificate: spec.name, step: 'hook', level: 'step', text: `running ${command}` })
  const timeoutMs = spec.hooks?.timeoutMs
  const limits = { trustedOnly: true, ...(timeoutMs !== undefined && { timeoutMs }) }
  const result = await exec(program, args, { env, ...limits, signal }).catch((cause: unknown) => {
    if (!isAppError(cause, 'ERR_EXEC')) throw cause
    throw new AppError('ERR_HOOK', `${what}: ${messageOf(cause)}`, {
      hint: cause.hint ?? hintFor(event),
      cause,
    })
  })
  if (result.exitCode === 0) return
  const ending =
    result.exitCode === undefined ? 'was ended by a signal' : `ended with exit code ${result.exitCode}`
  const said = lastLines(result.stderr.trim() === '' ? result.stdout : result.stderr)
  throw new AppError('ERR_HOOK', [`${what} ${ending}`, ...said].join('\n'), { hint: hintFor(event) })
}

function hintFor(event: HookEvent): string {
  return event === 'before-issuance'
    ? 'the CA was not asked; mend the program, or take it out of hooks: before'
    : 'the certificate was delivered; mend the program, or take it out of hooks: after'
}

function lastLines(output: string): readonly string[] {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  return lines.slice(-shownLines).map(line => printable(line.trimEnd(), maxLineLength))
}
