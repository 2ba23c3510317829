/** What ssh says when it fails, and what to do about it. Pure. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ExecResult } from '../../../runtime/exec.ts'
import { describeEnding } from '../server/run-program.ts'
import { placeName, type SshPlace } from './place.ts'

/** What `ssh` itself ends with when there is no connection, or none any more (ssh(1)). */
const connectionFailed = 255
/** Of what was said, the end counts: before it are banners and frames. */
const shownLines = 2
const maxShown = 400

/**
 * The error for a command that did not end well.
 * @param what - what could not be done
 */
export function sshFailure(place: SshPlace, what: string, result: ExecResult): AppError {
  const isConnection = result.exitCode === connectionFailed
  const found = isConnection ? failures.find(({ says }) => says.test(result.stderr)) : undefined
  const said = found?.text ?? endOf(result.stderr)
  const why = said !== '' ? said : isConnection ? 'the connection broke' : describeEnding(result)
  const hint = isConnection
    ? (found?.hint(factsOf(place)) ?? `see what this says: ssh ${printable(place.host)} true`)
    : `log in as ${placeName(place)} and see whether that user may do it`
  return new AppError('ERR_DEPLOY', `${placeName(place)}: cannot ${what}: ${why}`, {
    hint,
    lasting: found?.lasting,
  })
}

function endOf(stderr: string): string {
  const lines = stderr.split(/\r?\n/).map(line => line.trim())
  const telling = lines.filter(line => line !== '' && !line.startsWith('@@'))
  return printable(telling.slice(-shownLines).join(' ').slice(-maxShown))
}

type Facts = { readonly host: string; readonly port: string; readonly knownHosts: string }

function factsOf({ host, port, 'known-hosts-file': knownHosts = '~/.ssh/known_hosts' }: SshPlace): Facts {
  return { host, port: port === undefined ? '' : `-p ${port} `, knownHosts: printable(knownHosts) }
}

const failures: readonly {
  readonly says: RegExp
  /** In place of what ssh says, where that is a page. */
  readonly text?: string
  /** Whether it stays like that until somebody does something. */
  readonly lasting: boolean
  readonly hint: (facts: Facts) => string
}[] = [
  {
    says: /HOST IDENTIFICATION HAS CHANGED/i,
    text: 'its host key is another one than the one that is known',
    lasting: true,
    hint: ({ host, knownHosts }) =>
      `somebody else may be answering for ${host}; if its key was really changed, take the old one out of ${knownHosts}`,
  },
  {
    says: /host key verification failed|no .* host key is known/i,
    text: 'its host key is not known here',
    lasting: true,
    hint: ({ host, port, knownHosts }) =>
      `compare the key with the one on that machine, then put it into ${knownHosts}: ssh-keyscan ${port}${host}`,
  },
  {
    says: /unprotected private key file|bad permissions/i,
    text: 'identity-file can be read by others, so ssh does not use it',
    lasting: true,
    hint: () => 'chmod 600 it',
  },
  {
    says: /load key|invalid format/i,
    lasting: true,
    hint: () => 'identity-file must be a private key in a form that ssh reads, without a passphrase',
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
