/** `certwright completion SHELL`: scripts that ask the program itself. */

import tab from '@bomb.sh/tab/commander'
import type { Command as Program } from 'commander'

/** Adds the completion command to the table of commands. */
export function addCompletion(program: Program): void {
  tab(program, { completionCommandName: 'completion' })
}
