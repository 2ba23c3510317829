/** Which owners and modes of a key PostgreSQL takes. Pure. */
import type { FileFacts } from '../../../runtime/files.ts'

const groupReads = 0o040
const groupAndOthers = 0o077
const othersAndGroupChanges = 0o027

/**
 * Whether PostgreSQL takes a key: it belongs to its own user and to nobody besides, or to root, with a group that may read it.
 * @param server - the user that PostgreSQL runs as, where that is known
 */
export function isKeyTaken(
  { uid, mode }: Pick<FileFacts, 'uid' | 'mode'>,
  server: { readonly uid: number } | undefined,
): boolean {
  const isOwn = server === undefined ? uid !== 0 : uid === server.uid
  if (isOwn) return (mode & groupAndOthers) === 0
  return uid === 0 && (mode & othersAndGroupChanges) === 0 && (mode & groupReads) !== 0
}
