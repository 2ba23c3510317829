/** The accounts of services, for servers that refuse to run as root. */
import { chown, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'

export type ServiceUser = { readonly name: string; readonly uid: number; readonly gid: number }

/** The account of that name where tests run as root; else whoever runs them. */
export async function serviceUser(name: string): Promise<ServiceUser> {
  const { username, uid, gid } = userInfo()
  if (uid !== 0) return { name: username, uid, gid }
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const fields = lines.find(([first]) => first === name)
  if (fields === undefined) throw new Error(`there is no user ${name}: run tools/install-test-servers`)
  return { name, uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** The options of a target that say so where a server does not run as its usual user. */
export function ownerFor({ uid, gid }: ServiceUser): { readonly owner?: number; readonly group?: number } {
  return userInfo().uid === 0 ? {} : { owner: uid, group: gid }
}

/** Gives files to a user; they keep their modes. */
export async function giveTo({ uid, gid }: ServiceUser, ...files: readonly string[]): Promise<void> {
  for (const file of files) await chown(file, uid, gid)
}
