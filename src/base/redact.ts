/** Keeps secrets out of texts that people see. */

/** What is shorter is found by accident everywhere, and is no secret. */
const shortestSecret = 4
/** Shorter parts of a path are words such as `services`; tokens are longer. */
const shortestUrlPart = 8

/** The text with every secret replaced, also where it stands encoded for a URL or for JSON. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter(({ length }) => length >= shortestSecret)
    .flatMap(secret => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .sort((one, other) => other.length - one.length) // a secret may be a part of another
  if (forms.length === 0) return text
  const any = forms.map(form => form.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')).join('|')
  return text.replaceAll(new RegExp(any, 'g'), '[secret]')
}

/** What is secret in a URL that opens something by itself: all but its origin. */
export function secretsOfUrl(url: string): readonly string[] {
  if (!URL.canParse(url)) return [url]
  const { pathname, search, searchParams } = new URL(url)
  const parts = [...pathname.split('/'), ...searchParams.values()]
  return [url, pathname + search, pathname, ...parts.filter(({ length }) => length >= shortestUrlPart)]
}
