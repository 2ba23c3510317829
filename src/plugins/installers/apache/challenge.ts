/** The piece of Apache configuration that answers http-01 from a webroot. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import type { ChallengeSnippetOptions } from '../../deployers/nginx/challenge-snippet.ts'
import { formatApacheArgument } from './hosts.ts'

const howToUse = `#
# 1. Save this, for example as /etc/apache2/conf-available/acme-challenge.conf
# 2. a2enconf acme-challenge, which is for all virtual hosts; or in each one that answers on port 80, as the first line:
#        Include conf-available/acme-challenge.conf
# 3. apachectl configtest && apachectl graceful`

/**
 * Text of a file to be included in virtual hosts, or once for all of them, comments on its use in it.
 *
 * An alias is enough where nothing else stands in the way. `Redirect` is looked at before `Alias`; rewriting comes before
 * both, so where it is there, it leads challenges past them.
 * @throws AppError ERR_FORMAT for a path that Apache could not be given
 */
export function apacheChallengeSnippet({ webroot, madeBy }: ChallengeSnippetOptions): string {
  // In a rewriting rule `$` and `%` begin references.
  if (!webroot.startsWith('/') || /[$%]/.test(webroot)) {
    throw new AppError('ERR_FORMAT', `"${printable(webroot)}" cannot be the webroot of Apache`, {
      hint: 'give an absolute path without $ and %',
    })
  }
  const directory = `${webroot.replace(/\/+$/, '')}/.well-known/acme-challenge/`
  return `# Answers http-01 challenges from files. Made by: ${madeBy ?? `certwright tls snippet apache --challenge\n${howToUse}`}

Alias "/.well-known/acme-challenge/" ${formatApacheArgument(directory)}
<Directory ${formatApacheArgument(directory)}>
    Options None
    AllowOverride None
    ForceType text/plain
    Require all granted
</Directory>
<Location "/.well-known/acme-challenge/">
    AuthMerging Off
    Require all granted
</Location>
<IfModule rewrite_module>
    RewriteEngine On
    RewriteRule "^/\\.well-known/acme-challenge/([A-Za-z0-9_-]+)$" ${formatApacheArgument(`${directory}$1`)} [END]
</IfModule>
`
}
