/**
 * Who answers for a server that is asked for its settings. Where it does not run, any local user could listen in its place and
 * name files of their own, and root would write the key there.
 */
import { AppError, isAppError, systemCodeOf } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { numberOf } from './owner.ts'

/** Where it is asked: a socket of this machine, or a port. */
export type Peer = { readonly socket: string } | { readonly port: number }

/** More connections than a machine has, at 150 bytes each. */
const maxTableBytes = 64 * 1024 * 1024
/** The state LISTEN in /proc/net/tcp. */
const listening = '0A'

/**
 * Makes sure that the server's user or root has opened what is asked. Where nobody has, or the system does not tell, nothing is
 * refused.
 * @param options.user - name or number
 * @throws AppError ERR_DEPLOY_BROKEN_BEFORE
 */
export async function requireOwnPeer(
  peer: Peer,
  { user, signal }: { readonly user: string | number; readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<void> {
  const owners =
    'socket' in peer ? await ownerOfSocket(peer.socket, runtime) : await ownersOfPort(peer.port, runtime)
  const others = owners.filter(uid => uid !== 0)
  if (others.length === 0) return
  const own = await numberOf('user', user, runtime, { signal }).catch((error: unknown) => {
    if (!isAppError(error, 'ERR_DEPLOY')) throw error
    return undefined // not every machine has a user of the usual name
  })
  const stranger = others.find(uid => uid !== own)
  if (stranger === undefined) return
  const what = 'socket' in peer ? printable(peer.socket) : `port ${peer.port}`
  throw new AppError(
    'ERR_DEPLOY_BROKEN_BEFORE',
    `${what} was opened by user ${stranger}, who is neither root nor ${printable(String(user))}: nobody is asked there`,
    { hint: `if that is the user that the server runs as: owner: ${stranger}, in the target` },
  )
}

async function ownerOfSocket(path: string, { files }: Pick<Runtime, 'files'>): Promise<readonly number[]> {
  const facts = await files.facts(path)
  return facts === undefined ? [] : [facts.uid]
}

async function ownersOfPort(port: number, { files }: Pick<Runtime, 'files'>): Promise<readonly number[]> {
  const owners: number[] = []
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const content = await files.read(table, { maxBytes: maxTableBytes }).catch((error: unknown) => {
      if (systemCodeOf(error) === undefined) throw error
      return undefined // not every system has it, or shows it
    })
    if (content !== undefined) owners.push(...listenersIn(new TextDecoder().decode(content), port))
  }
  return owners
}

/** The users who listen on a port, by the text of /proc/net/tcp. */
export function listenersIn(table: string, port: number): readonly number[] {
  return table.split('\n').flatMap(row => {
    const [, local = '', , state, , , , uid] = row.trim().split(/\s+/)
    const isMeant = state === listening && Number.parseInt(local.split(':')[1] ?? '', 16) === port
    return isMeant && uid !== undefined ? [Number(uid)] : []
  })
}
