/** Telling a service to read its files again, in the way that this machine has. */
import { AppError } from '../../../base/errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { runOrFail, runProgram } from './run-program.ts'

export type ServiceAction = 'reload' | 'restart'

/** A service that package managers know by one of several names. */
export type Service = { readonly action: ServiceAction; readonly names: readonly [string, ...string[]] }

type ServiceRuntime = Pick<Runtime, 'exec' | 'files'>

/**
 * Reloads or restarts a service: by systemd where that runs, else by an init script.
 * @throws AppError ERR_DEPLOY with what was said
 */
export async function tellService(
  { action, names }: Service,
  runtime: ServiceRuntime,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const [program, ...args] = await commandFor({ action, names }, runtime, options)
  const hint = `see what the log of ${names[0]} says; then: certwright apply`
  await runOrFail(program, args, runtime, { ...options, hint })
}

async function commandFor(
  { action, names }: Service,
  runtime: ServiceRuntime,
  options: { readonly signal: AbortSignal },
): Promise<readonly [string, ...string[]]> {
  // What `sd_booted` looks at.
  if ((await runtime.files.facts('/run/systemd/system')) !== undefined) {
    for (const name of names) {
      const { exitCode } = await runProgram('systemctl', ['--quiet', 'is-active', name], runtime, options)
      if (exitCode === 0) return ['systemctl', action, name]
    }
    throw new AppError('ERR_DEPLOY', `systemd runs no unit ${names.join(' or ')}`, {
      hint: `start it, or tell how with reload: [PROGRAM, ARGUMENT, ...]`,
    })
  }
  for (const name of names) {
    const script = `/etc/init.d/${name}`
    if ((await runtime.files.facts(script)) !== undefined) return [script, action]
  }
  throw new AppError(
    'ERR_DEPLOY',
    `there is neither systemd nor an init script for ${names.join(' or ')} to ${action} it with`,
    { hint: 'tell how with reload: [PROGRAM, ARGUMENT, ...]' },
  )
}
