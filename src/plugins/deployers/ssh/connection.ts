/**
 * The OpenSSH client: one command on another machine. It asks nobody anything, trusts no host that is not known, and takes
 * no agent, no forwarding and no shared connection along.
 */
import { minuteMs } from '../../../base/instant.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { runProgram } from '../server/run-program.ts'
import { sshFailure } from './failure.ts'
import type { SshPlace } from './place.ts'
import { quote } from './quote.ts'

const commandTimeoutMs = 2 * minuteMs

const options: Readonly<Record<string, string>> = {
  BatchMode: 'yes',
  StrictHostKeyChecking: 'yes',
  UpdateHostKeys: 'no',
  IdentityAgent: 'none',
  ForwardAgent: 'no',
  ForwardX11: 'no',
  ClearAllForwardings: 'yes',
  PermitLocalCommand: 'no',
  ControlMaster: 'no',
  ControlPath: 'none',
  RequestTTY: 'no',
  ConnectTimeout: '15',
  ServerAliveInterval: '10',
  ServerAliveCountMax: '3',
  LogLevel: 'ERROR',
}

/** The arguments of `ssh` up to the command. Pure. */
export function sshArguments({
  host,
  user,
  port,
  'identity-file': identity,
  'known-hosts-file': knownHosts,
}: SshPlace): readonly string[] {
  const file = (path: string) => `"${path.replaceAll('%', '%%')}"` // which would begin a variable of ssh's
  const all: Readonly<Record<string, string>> = {
    ...options,
    ...(identity !== undefined && { IdentityFile: file(identity), IdentitiesOnly: 'yes' }),
    ...(knownHosts !== undefined && { UserKnownHostsFile: file(knownHosts), GlobalKnownHostsFile: 'none' }),
  }
  return [
    ...Object.entries(all).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    host,
  ]
}

/**
 * Runs a script of POSIX sh there, whatever the login shell is. Nothing secret may be in it: it can be seen in the list of
 * processes. What is secret goes through `input`.
 * @param options.what - for the error: what could not be done
 * @throws AppError ERR_DEPLOY
 */
export async function runThere(
  place: SshPlace,
  script: string,
  {
    what,
    input,
    signal,
  }: {
    readonly what: string
    readonly input?: Uint8Array
    readonly signal?: AbortSignal | undefined
  },
  runtime: Pick<Runtime, 'exec'>,
): Promise<string> {
  const args = [...sshArguments(place), `exec sh -c ${quote(script)}`]
  const result = await runProgram('ssh', args, runtime, {
    timeoutMs: commandTimeoutMs,
    ...(input !== undefined && { input }),
    ...(signal !== undefined && { signal }),
  })
  if (result.exitCode === 0) return result.stdout
  throw sshFailure(place, what, result)
}
