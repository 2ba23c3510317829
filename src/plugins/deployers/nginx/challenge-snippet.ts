/** The piece of nginx configuration that answers http-01 from a webroot. */
import { AppError } from '../../../base/errors.ts'
import { printable } from '../../../base/printable.ts'
import { formatArgument } from './argument.ts'

/** What it is for. */
export type ChallengeSnippetOptions = {
  /** Absolute path of the directory that has or will have `.well-known/acme-challenge/` in it. */
  readonly webroot: string
  /** The command that has put it where it belongs; without it, the text says how that is done. */
  readonly madeBy?: string
}

const howToUse = `#
# 1. Save this, for example as /etc/nginx/snippets/acme-challenge.conf
# 2. In every server block that listens on port 80 for a name of the certificate, make this the first line:
#        include snippets/acme-challenge.conf;
#    It must stand above any "return" or "rewrite"; other requests are not affected.
# 3. nginx -t && nginx -s reload`

/**
 * Text of a file to be included in server blocks, comments on its use in it.
 *
 * `rewrite … break` comes first, because it ends the server-level rewrite directives: a `return 301` or `rewrite` that
 * stands below the include then no longer reaches these requests. `^~` wins over regular expressions such as the one
 * that forbids dot files.
 * @throws AppError ERR_FORMAT for a path that nginx could not be given
 */
export function challengeSnippet({ webroot, madeBy }: ChallengeSnippetOptions): string {
  // A `$` would begin a variable and cannot be escaped; a line break would end the comment.
  // oxlint-disable-next-line no-control-regex -- the controls are the point
  if (!webroot.startsWith('/') || /[$\u0000-\u001f\u007f]/.test(webroot)) {
    throw new AppError('ERR_FORMAT', `"${printable(webroot)}" cannot be the webroot of nginx`, {
      hint: 'give an absolute path without $ and control characters',
    })
  }
  return `# Answers http-01 challenges from files. Made by: ${madeBy ?? `certwright tls snippet nginx --challenge\n${howToUse}`}

rewrite ^(/\\.well-known/acme-challenge/.*)$ $1 break;

location ^~ /.well-known/acme-challenge/ {
    auth_basic off;
    allow all;
    default_type text/plain;
    root ${formatArgument(webroot)};
    try_files $uri =404;
}
`
}
