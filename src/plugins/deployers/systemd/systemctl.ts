/** Asking systemd about units, and having it do something with them. */
import { AppError, isAppError } from '../../../base/errors.ts'
import { minuteMs, secondMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { describeEnding, runProgram } from '../server/run-program.ts'

export type SystemdRuntime = Pick<Runtime, 'exec' | 'files'>

/** Where systemd, and only it, makes a directory when it has booted a machine (sd_booted(3)). */
const bootedMark = '/run/systemd/system'
const askTimeoutMs = 20 * secondMs
/** Longer than the 90 seconds that systemd itself gives a service to start. */
const actionTimeoutMs = 2 * minuteMs
/** What is shown of a unit's log. */
const shownLogLines = 3
const maxShownLog = 500

/** A unit as systemd knows it. */
export type Unit = {
  readonly isLoaded: boolean
  /** `active`, `inactive`, `failed`, … */
  readonly state: string
  readonly canReload: boolean
  readonly mainPid: number | undefined
}

/**
 * Looks a unit up.
 * @throws AppError ERR_DEPLOY where there is no systemd, or it does not answer
 */
export async function showUnit(
  unit: string,
  { signal }: { readonly signal: AbortSignal },
  runtime: SystemdRuntime,
): Promise<Unit> {
  await requireSystemd(runtime)
  const limits = { timeoutMs: askTimeoutMs, signal }
  const properties = '--property=LoadState,ActiveState,CanReload,MainPID'
  const result = await runProgram('systemctl', ['show', properties, unit], runtime, limits)
  if (result.exitCode !== 0) {
    throw new AppError('ERR_DEPLOY', `"systemctl show ${unit}" ${describeEnding(result)}`, {
      hint: `see what "systemctl status ${unit}" says`,
    })
  }
  const values = new Map(
    result.stdout.split('\n').map(line => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  )
  const pid = Number(values.get('MainPID') ?? 0)
  return {
    isLoaded: values.get('LoadState') === 'loaded',
    state: values.get('ActiveState') ?? 'unknown',
    canReload: values.get('CanReload') === 'yes',
    mainPid: pid > 0 ? pid : undefined,
  }
}

async function requireSystemd({ files }: SystemdRuntime): Promise<void> {
  if ((await files.facts(bootedMark))?.kind === 'directory') return
  throw new AppError('ERR_DEPLOY', `there is no systemd on this machine: ${bootedMark} is missing`, {
    hint: 'use process (a signal), exec, or files with reload: [service, NAME, reload] instead',
    lasting: true,
  })
}

/** What is wrong with a unit that systemd has no file for. */
export function noSuchUnit(unit: string): AppError {
  return new AppError('ERR_DEPLOY', `systemd has no unit ${unit}`, {
    hint: `correct the name: systemctl list-units '*${unit.slice(0, 4)}*'`,
    lasting: true,
  })
}

/**
 * Has systemd do something with a unit, and waits until it is done.
 * @throws AppError ERR_DEPLOY with the last lines of the unit's log
 */
export async function actOnUnit(
  action: string,
  unit: string,
  { signal }: { readonly signal: AbortSignal },
  runtime: SystemdRuntime,
): Promise<void> {
  const limits = { timeoutMs: actionTimeoutMs, signal }
  const result = await runProgram('systemctl', ['--no-ask-password', action, unit], runtime, limits)
  const after = result.exitCode === 0 ? await showUnit(unit, { signal }, runtime) : undefined
  // One that runs to its end and succeeds is inactive then.
  if (after !== undefined && after.state !== 'failed') return
  const what = after === undefined ? describeEnding(result) : 'succeeded, but the unit has failed since'
  const log = await lastWords(unit, { signal }, runtime)
  throw new AppError('ERR_DEPLOY', [`"systemctl ${action} ${unit}" ${what}`, ...log].join('\n'), {
    hint: `systemctl status ${unit}, and journalctl -u ${unit} -n 50`,
  })
}

/** The end of a unit's log; nothing where it cannot be had. */
async function lastWords(
  unit: string,
  { signal }: { readonly signal: AbortSignal },
  runtime: SystemdRuntime,
): Promise<readonly string[]> {
  const how = ['--no-pager', '--quiet', '--output=cat', `--lines=${shownLogLines}`]
  const limits = { timeoutMs: askTimeoutMs, signal }
  try {
    const { exitCode, stdout } = await runProgram('journalctl', [...how, `--unit=${unit}`], runtime, limits)
    if (exitCode !== 0 || stdout.trim() === '') return []
    return stdout
      .slice(-maxShownLog)
      .trim()
      .split('\n')
      .map(line => `${unit}: ${printable(line)}`)
  } catch (error) {
    if (isAppError(error, 'ERR_DEPLOY')) return []
    throw error
  }
}
