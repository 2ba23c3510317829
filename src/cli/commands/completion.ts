/** `certwright completion SHELL`: scripts that ask the program itself, so that names of certificates are completed too. */
import tab from '@bomb.sh/tab/commander'
import type { Command as Program } from 'commander'
import { readCachedNames } from '../../manage/config/cache.ts'
import { storedNames } from '../../manage/store/generations.ts'
import { createContext } from '../context.ts'

/** Commands whose argument is the name of a certificate. */
const takesName = ['deploy', 'show', 'verify', 'revoke', 'delete'] as const

/** Adds the command that prints the scripts, and the hidden one that the scripts call. */
export async function addCompletion(program: Program): Promise<void> {
  const names = await certificateNames()
  const root = tab(program, { completionCommandName: 'completion' })
  for (const command of takesName) {
    root.commands.get(command)?.argument('name', complete => {
      for (const name of names) complete(name, 'certificate')
    })
  }
  for (const option of ['only', 'force']) {
    for (const command of ['apply', 'renew']) {
      root.commands.get(command)?.option(option, 'certificate', complete => {
        for (const name of names) complete(name, 'certificate')
      })
    }
  }
}

// Completion must never print an error into somebody's command line.
async function certificateNames(): Promise<readonly string[]> {
  try {
    const { place, state, runtime } = createContext({ color: false }, new AbortController().signal)
    return [
      ...new Set([...(await readCachedNames(place, state, runtime)), ...(await storedNames(state, runtime))]),
    ].sort()
  } catch {
    return []
  }
}
