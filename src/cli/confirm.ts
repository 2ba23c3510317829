/** Asking before something that cannot be undone. */
import { AppError } from '../base/errors.ts'
import type { CommandContext } from './command.ts'

/**
 * Returns when the person agrees or `--yes` was given.
 * @throws AppError ERR_USAGE where nobody can be asked, ERR_ABORTED when the answer is no
 */
export async function confirm(
  question: string,
  yes: boolean | undefined,
  { interactive, endProgress }: CommandContext,
): Promise<void> {
  if (yes === true) return
  if (!interactive) throw new AppError('ERR_USAGE', 'this needs a confirmation', { hint: 'add --yes' })
  endProgress()
  const prompts = await import('@clack/prompts')
  const answer = await prompts.confirm({ message: question, initialValue: false, output: process.stderr })
  if (answer !== true) throw new AppError('ERR_ABORTED', 'nothing was changed')
}
