/** Users that the packages of servers bring along. */
import { readFile } from 'node:fs/promises'

/** The number of a user of this machine. */
export async function numberOfUser(name: string): Promise<number> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const number = lines.find(([first]) => first === name)?.[2]
  if (number === undefined) throw new Error(`there is no user ${name}`)
  return Number(number)
}
