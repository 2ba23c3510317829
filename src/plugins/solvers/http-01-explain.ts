/** What a sighting means for the CA, and what to do about it: pure. */
import { assertNever } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { SelfCheckResult, SolverChallenge } from '../../contracts/solver.ts'
import type { HttpReply } from '../../runtime/http.ts'
import { challengeDirectories } from './http-01.ts'
import type { Sighting } from './http-01-look.ts'

/** What is known about the server that should answer. */
export type Setup = {
  readonly port: number
  /** Where the file was put; absent when our own listener should answer. */
  readonly webroot?: string
}

/** The result for one address; `refused` counts only together with the others. */
export type Verdict = SelfCheckResult | { readonly outcome: 'refused'; readonly text: string }

const challengePrefix = `/${challengeDirectories.join('/')}/`
const maxShownBody = 60

/** Judges what was seen at one address. */
export function explainSighting(sighting: Sighting, challenge: SolverChallenge, setup: Setup): Verdict {
  const at = place(sighting)
  switch (sighting.kind) {
    case 'reply':
      return explainReply(at, sighting, challenge, setup)
    case 'too-large':
      return wrong(`${at} answers with a large document instead of the challenge response`, pageHint(setup))
    case 'bad-redirect':
      return wrong(`${at} ${printable(sighting.text)}`, redirectHint(setup))
    case 'untrusted':
      return {
        outcome: 'unknown',
        text: `${at} does not show a trusted certificate; the CA follows the redirect without checking it`,
      }
    case 'refused': {
      if (!sighting.redirected) return { outcome: 'refused', text: `nothing listens at ${at}` }
      return wrong(`the redirect leads to ${at}, where nothing listens`, redirectHint(setup))
    }
    case 'unreachable':
      return { outcome: 'unknown', text: `${at} cannot be reached: ${printable(sighting.text)}` }
    default:
      return assertNever(sighting)
  }
}

function explainReply(
  at: string,
  { reply, redirected }: Extract<Sighting, { readonly kind: 'reply' }>,
  { token, keyAuthorization }: SolverChallenge,
  setup: Setup,
): Verdict {
  const { status } = reply
  const body = new TextDecoder('utf-8', { ignoreBOM: true }).decode(reply.body)
  const by = answeredBy(reply)
  if (status === 200) {
    if (body.trimEnd() === keyAuthorization) return { outcome: 'visible' }
    if (isPage(reply, body)) {
      return wrong(`${at} answers with a web page instead of the challenge response${by}`, pageHint(setup))
    }
    if (body.startsWith(`${token}.`)) {
      return wrong(
        `${at} answers for another ACME account${by}`,
        'another ACME client answers challenges for this name; take it out of the way',
      )
    }
    const shown = body.trim() === '' ? 'nothing' : `"${printable(body.trim(), maxShownBody)}"`
    return wrong(`${at} answers ${shown} instead of the challenge response${by}`, notFoundHint(reply, setup))
  }
  if (status === 401 || status === 403) {
    return wrong(`${at} refuses access (${status})${by}`, exemptHint('access rules', setup))
  }
  const hint = status === 404 && !redirected ? notFoundHint(reply, setup) : otherHint(redirected, setup)
  return wrong(`${at} answers ${status}${by}`, hint)
}

/** `http://name/path at 192.0.2.1`; behind a redirect, the URL it led to. */
function place({ url, address, redirected }: Sighting): string {
  const shown = printable(url)
  return redirected ? `${shown} (by redirect, from ${address})` : `${shown} at ${address}`
}

function answeredBy({ headers }: HttpReply): string {
  const server = headers.get('server')
  return server === undefined ? '' : ` (the server is ${printable(server, maxShownBody)})`
}

function isPage({ headers }: HttpReply, body: string): boolean {
  return /^text\/html\b/i.test(headers.get('content-type') ?? '') || /^\s*<(?:!doctype|html)/i.test(body)
}

function wrong(text: string, hint: string): Verdict {
  return { outcome: 'wrong', text, hint }
}

function notFoundHint({ headers }: HttpReply, setup: Setup): string {
  const { webroot, port } = setup
  if (webroot === undefined) {
    return (
      `another server answers there: see that the name leads to this machine, and that port ${port} of it ` +
      'is passed on to Certwright'
    )
  }
  if (/nginx|openresty/i.test(headers.get('server') ?? '')) {
    return `nginx does not look in ${printable(webroot)} for it; ${snippetCommand(webroot)}`
  }
  const directory = `${webroot.replace(/\/$/, '')}${challengePrefix}`
  return (
    `make the server answer with the files in ${printable(directory)}, or give the directory it really ` +
    'serves as the webroot'
  )
}

function pageHint(setup: Setup): string {
  return exemptHint('what the application answers', setup)
}

function redirectHint(setup: Setup): string {
  return exemptHint('redirects', setup)
}

function otherHint(redirected: boolean, setup: Setup): string {
  if (redirected) return redirectHint(setup)
  return `see the log of the server; ${exemptHint('everything else it does', setup)}`
}

function exemptHint(from: string, { webroot }: Setup): string {
  const exempt = `exempt ${challengePrefix} from ${from}`
  return webroot === undefined ? exempt : `${exempt}; for nginx, ${snippetCommand(webroot)}`
}

function snippetCommand(webroot: string): string {
  return `this prints what to include: certwright tls snippet nginx --challenge --webroot ${printable(webroot)}`
}
