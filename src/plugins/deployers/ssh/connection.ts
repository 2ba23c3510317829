/**
 * The OpenSSH client: one command on another machine. It asks nobody anything, trusts no host that is not known, and takes
 * no agent, no forwarding and no shared connection along.
 */
import { AppError } from '../../../base/errors.ts'
import { minuteMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { TargetOptions } from '../../../contracts/target-options.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { describeEnding, lastWords, runProgram } from '../server/run-program.ts'
import { quote } from './quote.ts'

export type SshPlace = Pick<
  TargetOptions<'ssh'>,
  'host' | 'user' | 'port' | 'identity-file' | 'known-hosts-file'
>

/** What `ssh` itself ends with when there is no connection, or none any more (ssh(1)). */
const connectionFailed = 255
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

/** The other machine, for people. */
export function placeName({ host, user, port }: SshPlace): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`
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
  throw new AppError('ERR_DEPLOY', `${placeName(place)}: cannot ${what}: ${describe(result)}`, {
    ...adviceFor(result, place),
  })
}

function describe(result: ExecResult): string {
  const said = lastWords({ stdout: '', stderr: result.stderr })
  if (result.exitCode === connectionFailed) return said === '' ? 'the connection broke' : said
  return said === '' ? describeEnding(result) : said
}

type Advice = { readonly hint: string; readonly lasting?: boolean }

function adviceFor({ exitCode, stderr }: ExecResult, place: SshPlace): Advice {
  const { host, 'known-hosts-file': knownHosts = '~/.ssh/known_hosts' } = place
  if (exitCode !== connectionFailed)
    return { hint: `log in as ${placeName(place)} and see whether that user may do it` }
  const found = connectionFailures.find(({ says }) => says.test(stderr))
  if (found === undefined) return { hint: `see what this says: ssh ${printable(host)} true` }
  return { hint: found.hint({ host, knownHosts }), lasting: found.lasting }
}

/** What ssh says, what to do about it, and whether it stays like that until somebody does. */
const connectionFailures: readonly {
  readonly says: RegExp
  readonly lasting: boolean
  readonly hint: (facts: { readonly host: string; readonly knownHosts: string }) => string
}[] = [
  {
    says: /HOST IDENTIFICATION HAS CHANGED/i,
    lasting: true,
    hint: ({ host, knownHosts }) =>
      `somebody else may be answering for ${host}; if its key was really changed, take the old one out of ${knownHosts}`,
  },
  {
    says: /host key verification failed|no .* host key is known/i,
    lasting: true,
    hint: ({ host, knownHosts }) =>
      `put its host key into ${knownHosts}, once you have compared it: ssh-keyscan ${host}`,
  },
  {
    says: /load key|identity file|bad permissions|invalid format/i,
    lasting: true,
    hint: () => 'see identity-file: it must be a private key that only its owner can read',
  },
  {
    says: /permission denied|too many authentication failures/i,
    lasting: true,
    hint: ({ host }) => `put the public key of identity-file into ~/.ssh/authorized_keys on ${host}`,
  },
  { says: /could not resolve hostname/i, lasting: false, hint: () => 'correct host, or see the DNS' },
  {
    says: /connection refused|timed out|no route|unreachable/i,
    lasting: false,
    hint: ({ host }) => `see whether ${host} is up, and whether sshd and the firewall let this machine in`,
  },
]
