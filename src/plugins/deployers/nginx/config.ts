/** The configuration that nginx has loaded, as one tree, from what `nginx -T` prints. */
import { AppError } from '../../../base/errors.ts'
import { isGlob, matchesGlob } from './glob.ts'
import { type Span, type Token, tokenize } from './tokens.ts'

/** Where something stands; `line` counts from 1. */
export type Place = { readonly file: string; readonly line: number }

/** A directive with its arguments; `block` is there when it has one. */
export type Directive = {
  readonly name: string
  readonly args: readonly string[]
  readonly place: Place
  readonly block?: readonly Directive[]
  /** Where it stands in the text of its file. */
  readonly spans: DirectiveSpans
}

/** Offsets in the text of one file. */
export type DirectiveSpans = {
  /** Name and arguments. */
  readonly words: readonly Span[]
  /** From the first character of the name to behind `;` or `}`. */
  readonly all: Span
  /** What is between the braces. */
  readonly body?: Span
}

/** What nginx has loaded. */
export type Config = {
  readonly directives: readonly Directive[]
  /** Where the main file is, with a final slash: relative names of files count from here. */
  readonly directory: string
  /** Files of the dump that no `include` leads to: our view differs from nginx's, and people should know. */
  readonly unplaced: readonly string[]
}

/** A file by the name that nginx gives it: one of a dump, or what it is going to be. */
export type ConfigFile = { readonly name: string; readonly text: string }

// A large hosting machine has some ten thousand server blocks of some twenty directives each.
const maxDirectives = 1_000_000
// Blocks and includes together; nginx itself nests eight deep at most, locations apart.
const maxDepth = 100

const fileHeader = /^# configuration file (.+):$/gm

/** `/etc/nginx/nginx.conf:12` */
export function formatPlace({ file, line }: Place): string {
  return `${file}:${line}`
}

/** A file name of the configuration, which counts from the directory of the main file wherever it stands. */
export function absolutePath(name: string, directory: string): string {
  return name.startsWith('/') ? name : `${directory}${name}`
}

/**
 * The configuration as nginx sees it: every `include` replaced by what it includes.
 * @param dump - standard output of `nginx -T`: each file once, in the order of loading, the main one first
 * @throws AppError ERR_FORMAT with file and line
 */
export function parseDump(dump: string): Config {
  return parseFiles(splitDump(dump))
}

/**
 * The configuration in files, as nginx would see it.
 * @param files - the main one first; every other one is included somewhere
 * @throws AppError ERR_FORMAT with file and line
 */
export function parseFiles(files: readonly ConfigFile[]): Config {
  const [main] = files
  if (main === undefined)
    throw new AppError('ERR_FORMAT', 'the output of nginx -T names no configuration file')
  const parsed = new Map(files.map(({ name, text }) => [name, parseFile({ name, text })]))
  const directory = main.name.slice(0, main.name.lastIndexOf('/') + 1)
  const expansion = new Expansion(parsed, directory)
  const directives = expansion.expand(parsed.get(main.name) ?? [], 0)
  const unplaced = [...parsed.keys()].filter(name => name !== main.name && !expansion.used.has(name))
  return { directives, directory, unplaced }
}

/**
 * The files of a dump. A header that repeats a name is a comment of a file that was itself made from a dump: nginx
 * prints each file once.
 */
export function splitDump(dump: string): readonly ConfigFile[] {
  const seen = new Set<string>()
  const headers = [...dump.matchAll(fileHeader)].flatMap(({ 0: header, 1: name = '', index }) => {
    if (seen.has(name)) return []
    seen.add(name)
    return [{ name, start: index, textStart: index + header.length + 1 }]
  })
  return headers.map(({ name, textStart }, index) => ({
    name,
    text: dump.slice(textStart, headers[index + 1]?.start),
  }))
}

/**
 * The directives of one file, includes as they stand.
 * @throws AppError ERR_FORMAT with file and line
 */
export function parseFile({ name: file, text }: ConfigFile): readonly Directive[] {
  type Open = {
    readonly words: readonly WordToken[]
    readonly directives: Directive[]
    /** Of the brace. */
    readonly end: number
  }
  const top: Directive[] = []
  const open: Open[] = [] // a list of our own: nesting in the text must not become recursion here
  let directives = top
  let words: WordToken[] = []
  for (const token of tokenize(text, file)) {
    if (token.kind === 'word') words.push(token)
    else if (token.kind === 'end') {
      directives.push(directiveOf(words, token, file))
      words = []
    } else if (token.kind === 'open') {
      if (open.length === maxDepth) throw tooDeep({ file, line: token.line })
      directiveOf(words, token, file)
      open.push({ words, directives, end: token.end })
      directives = []
      words = []
    } else if (token.kind === 'close') {
      const parent = open.pop()
      if (parent === undefined) throw unexpected('}', { file, line: token.line })
      const [rest] = words
      if (rest !== undefined) throw unexpected('}', { file, line: rest.line })
      const whole = directiveOf(parent.words, token, file)
      const body = { start: parent.end, end: token.start }
      parent.directives.push({ ...whole, block: directives, spans: { ...whole.spans, body } })
      directives = parent.directives
    }
  }
  const unfinished = words[0] ?? open.at(-1)?.words[0]
  if (unfinished !== undefined) {
    const place = formatPlace({ file, line: unfinished.line })
    throw new AppError('ERR_FORMAT', `${place}: "${unfinished.text}" has no end`)
  }
  return top
}

type WordToken = Extract<Token, { readonly text: string }>

function directiveOf(words: readonly WordToken[], mark: Token, file: string): Directive {
  const [name, ...args] = words
  if (name === undefined) throw unexpected(mark.kind === 'open' ? '{' : ';', { file, line: mark.line })
  return {
    name: name.text,
    args: args.map(({ text }) => text),
    place: { file, line: name.line },
    spans: {
      words: words.map(({ start, end }) => ({ start, end })),
      all: { start: name.start, end: mark.end },
    },
  }
}

function unexpected(mark: string, place: Place): AppError {
  return new AppError('ERR_FORMAT', `${formatPlace(place)}: unexpected "${mark}"`)
}

function tooDeep(place: Place): AppError {
  return new AppError('ERR_FORMAT', `${formatPlace(place)}: blocks and includes are nested too deeply`)
}

/** Replaces includes; counts what it makes, so that files that include each other many times end in an error. */
class Expansion {
  readonly #files: ReadonlyMap<string, readonly Directive[]>
  readonly #directory: string
  readonly used = new Set<string>()
  #made = 0

  constructor(files: ReadonlyMap<string, readonly Directive[]>, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  expand(directives: readonly Directive[], depth: number): readonly Directive[] {
    return directives.flatMap(directive => {
      const { name, args, place, block } = directive
      if (depth > maxDepth) throw tooDeep(place)
      this.#made += 1
      if (this.#made > maxDirectives) {
        throw new AppError('ERR_FORMAT', `${formatPlace(place)}: the configuration is too large`)
      }
      if (name === 'include' && block === undefined) {
        return this.#included(args[0] ?? '').flatMap(file => {
          this.used.add(file)
          return this.expand(this.#files.get(file) ?? [], depth + 1)
        })
      }
      return block === undefined ? [directive] : [{ ...directive, block: this.expand(block, depth + 1) }]
    })
  }

  /** The dumped files that an argument of `include` means, in nginx's order. */
  #included(pattern: string): readonly string[] {
    const path = absolutePath(pattern, this.#directory)
    if (!isGlob(path)) return [path]
    return [...this.#files.keys()].filter(file => matchesGlob(path, file)).toSorted()
  }
}
