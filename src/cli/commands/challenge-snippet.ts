/** `certwright tls snippet SERVER --challenge`. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { challengeSnippet } from '../../plugins/deployers/nginx/challenge-snippet.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { loadCommandConfig } from '../workbench.ts'

export type ChallengeFlags = { readonly args: readonly string[]; readonly webroot?: string }

/** Prints an include file for nginx with the location that answers http-01. */
export async function printChallengeSnippet(
  context: CommandContext,
  { args, webroot }: ChallengeFlags,
): Promise<CommandResult> {
  const [server] = args
  if (server !== 'nginx') {
    throw new AppError('ERR_USAGE', `there is no challenge snippet for "${printable(server ?? '')}"`, {
      hint: 'there is one for nginx; other servers take an alias for /.well-known/acme-challenge/',
    })
  }
  const directory = webroot ?? (await configuredWebroot(context))
  if (directory === undefined) {
    throw new AppError('ERR_USAGE', 'no webroot is configured', {
      hint: 'certwright tls snippet nginx --challenge --webroot /var/www/letsencrypt',
    })
  }
  const text = challengeSnippet({ webroot: directory })
  return { exitCode: exitCodes.done, text, json: { server, webroot: directory, snippet: text } }
}

async function configuredWebroot(context: CommandContext): Promise<string | undefined> {
  const { certificates } = await loadCommandConfig(context)
  const webroots = certificates
    .flatMap(({ solvers }) => solvers)
    .flatMap(({ options }) => options['webroot'] ?? [])
  return webroots.find(webroot => typeof webroot === 'string')
}
