/** `certwright tls snippet SERVER --challenge`. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import { challengeSnippet } from '../../plugins/deployers/nginx/challenge-snippet.ts'
import { apacheChallengeSnippet } from '../../plugins/installers/apache/challenge.ts'
import { type CommandContext, type CommandResult, exitCodes } from '../command.ts'
import { loadCommandConfig } from '../workbench.ts'

export type ChallengeFlags = { readonly args: readonly string[]; readonly webroot?: string }

const snippets: ReadonlyMap<string, (options: { readonly webroot: string }) => string> = new Map([
  ['nginx', challengeSnippet],
  ['apache', apacheChallengeSnippet],
])

/** Prints an include file with what answers http-01. */
export async function printChallengeSnippet(
  context: CommandContext,
  { args, webroot }: ChallengeFlags,
): Promise<CommandResult> {
  const [server = ''] = args
  const snippet = snippets.get(server)
  if (snippet === undefined) {
    throw new AppError('ERR_USAGE', `there is no challenge snippet for "${printable(server)}"`, {
      hint: `there are: ${[...snippets.keys()].join(', ')}; other servers take an alias for /.well-known/acme-challenge/`,
    })
  }
  const directory = webroot ?? (await configuredWebroot(context))
  if (directory === undefined) {
    throw new AppError('ERR_USAGE', 'no webroot is configured', {
      hint: `certwright tls snippet ${server} --challenge --webroot /var/www/letsencrypt`,
    })
  }
  const text = snippet({ webroot: directory })
  return { exitCode: exitCodes.done, text, json: { server, webroot: directory, snippet: text } }
}

async function configuredWebroot(context: CommandContext): Promise<string | undefined> {
  const { certificates } = await loadCommandConfig(context)
  const webroots = certificates
    .flatMap(({ solvers }) => solvers)
    .flatMap(({ options }) => options['webroot'] ?? [])
  return webroots.find(webroot => typeof webroot === 'string')
}
