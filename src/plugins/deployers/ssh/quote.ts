/** Words for the shell of another machine. Pure. */

/** One word, whatever is in it: nothing in it means anything to a shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** A program and its arguments as one command line. */
export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ')
}
