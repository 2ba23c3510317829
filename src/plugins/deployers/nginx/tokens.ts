/** The lexer of the nginx configuration language. */
import { AppError } from '../../../base/errors.ts'

/** Offsets in a text: from `start` up to, and not with, `end`. */
export type Span = { readonly start: number; readonly end: number }

/** `word`: an argument, quotes and escapes resolved; `raw`: the text of a Lua block; the rest: `;`, `{` and `}`. */
export type Token = Span &
  (
    | { readonly kind: 'word' | 'raw'; readonly text: string; readonly line: number }
    | { readonly kind: 'end' | 'open' | 'close'; readonly line: number }
  )

const punctuation: ReadonlyMap<string, 'end' | 'open' | 'close'> = new Map([
  [';', 'end'],
  ['{', 'open'],
  ['}', 'close'],
])
const luaBlock = /_by_lua_block$/
const blanks = ' \t\r\n'

/**
 * Splits configuration text the way nginx does.
 * @param place - what to call the text in errors, usually its file name
 * @throws AppError ERR_FORMAT with `place:line`, where nginx would not start either
 */
export function tokenize(text: string, place: string): readonly Token[] {
  return new Lexer(text, place).tokens()
}

/** One pass over one text; it never goes back, so it takes linear time. */
class Lexer {
  readonly #text: string
  readonly #place: string
  #at = 0
  #line = 1

  constructor(text: string, place: string) {
    this.#text = text
    this.#place = place
  }

  tokens(): readonly Token[] {
    const tokens: Token[] = []
    let name: string | undefined // of the directive being read; only Lua blocks need it
    for (this.#skipBlanks(); this.#at < this.#text.length; this.#skipBlanks()) {
      const line = this.#line
      const start = this.#at
      const kind = punctuation.get(this.#text.charAt(start))
      if (kind === undefined) {
        const text = this.#word()
        name ??= text
        tokens.push({ kind: 'word', text, line, start, end: this.#at })
        continue
      }
      this.#advance()
      tokens.push({ kind, line, start, end: this.#at })
      if (kind === 'open' && name !== undefined && luaBlock.test(name)) {
        const text = this.#lua()
        tokens.push({ kind: 'raw', text, line, start: start + 1, end: this.#at })
      }
      name = undefined
    }
    return tokens
  }

  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#advance()) {
      const character = this.#text.charAt(this.#at)
      if (character === '#') this.#skipTo('\n')
      else if (!blanks.includes(character)) return
    }
  }

  #word(): string {
    const quote = this.#text.charAt(this.#at)
    if (quote === '"' || quote === "'") return this.#quoted(quote)
    const start = this.#at
    let dollar = false // the brace of ${name} belongs to the word
    for (; this.#at < this.#text.length; this.#advance()) {
      const character = this.#text.charAt(this.#at)
      if (character === ';' || blanks.includes(character) || (character === '{' && !dollar)) break
      dollar = character === '$'
      if (character === '\\') this.#advance()
    }
    return unescape(this.#text.slice(start, this.#at))
  }

  #quoted(quote: string): string {
    const line = this.#line
    const start = this.#at + 1
    this.#skipQuoted(quote, line)
    const next = this.#text.charAt(this.#at)
    // `)` closes the condition of an `if` and begins a word of its own.
    if (!`${blanks};{)`.includes(next)) throw this.#error(`unexpected "${next}" after a quoted text`)
    return unescape(this.#text.slice(start, this.#at - 1))
  }

  /** From an opening quote to behind the closing one; a backslash protects one character. */
  #skipQuoted(quote: string, line: number): void {
    for (this.#advance(); this.#at < this.#text.length; this.#advance()) {
      const character = this.#text.charAt(this.#at)
      if (character === '\\') this.#advance()
      else if (character === quote) return this.#advance()
    }
    throw this.#error('a quoted text has no end', line)
  }

  /** Lua up to the brace that closes its block, which stays. Braces in its strings and comments do not count. */
  #lua(): string {
    const start = this.#at
    const line = this.#line
    for (let depth = 1; this.#at < this.#text.length; ) {
      const character = this.#text.charAt(this.#at)
      if (character === '}') depth -= 1
      if (depth === 0) return this.#text.slice(start, this.#at)
      if (character === '{') depth += 1
      if (character === '"' || character === "'") this.#skipQuoted(character, this.#line)
      else if (this.#text.startsWith('--', this.#at)) this.#skipLuaComment()
      else if (!this.#skipLongBracket()) this.#advance()
    }
    throw this.#error('a Lua block has no end', line)
  }

  #skipLuaComment(): void {
    this.#advance(2)
    if (!this.#skipLongBracket()) this.#skipTo('\n')
  }

  /** `[[ … ]]`, `[=[ … ]=]` and so on, if one starts here. */
  #skipLongBracket(): boolean {
    if (this.#text.charAt(this.#at) !== '[') return false
    let level = 0
    while (this.#text.charAt(this.#at + 1 + level) === '=') level += 1
    if (this.#text.charAt(this.#at + 1 + level) !== '[') return false
    const line = this.#line
    this.#advance(level + 2)
    this.#skipTo(`]${'='.repeat(level)}]`)
    if (this.#at === this.#text.length) throw this.#error('a Lua long bracket has no end', line)
    this.#advance(level + 2)
    return true
  }

  /** Moves to the next occurrence of `mark`, or to the end. */
  #skipTo(mark: string): void {
    const found = this.#text.indexOf(mark, this.#at)
    this.#advance((found === -1 ? this.#text.length : found) - this.#at)
  }

  #advance(count = 1): void {
    const end = Math.min(this.#at + count, this.#text.length)
    for (; this.#at < end; this.#at += 1) if (this.#text.charAt(this.#at) === '\n') this.#line += 1
  }

  #error(what: string, line = this.#line): AppError {
    return new AppError('ERR_FORMAT', `${this.#place}:${line}: ${what}`)
  }
}

const controls: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['r', '\r'],
  ['n', '\n'],
])

/** Quotes and backslashes lose their backslash, `\t \r \n` become controls, every other backslash stays. */
function unescape(text: string): string {
  return text.replace(/\\(["'\\trn])/g, (_, character: string) => controls.get(character) ?? character)
}
