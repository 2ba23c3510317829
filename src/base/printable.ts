/** Text from outside (a CA, a server, a file), made safe to show on a terminal and in a log. */

// C0 and C1 controls, DEL, line and paragraph separators, bidirectional overrides and isolates, zero-width marks.
// oxlint-disable-next-line no-control-regex -- the controls are the point
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** Longest text from outside that is shown: about ten lines of a terminal. */
export const maxPrintableLength = 800

/** Escapes control characters and cuts what is too long. */
export function printable(text: string, maxLength = maxPrintableLength): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return cut.replace(unsafe, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
