/** Arguments as they are written in a configuration. */

/** Text as one argument: in quotes where it has characters that mean something to nginx. */
export function formatArgument(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}
