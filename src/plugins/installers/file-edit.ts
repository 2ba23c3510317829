/** Edits of several files, and why some files are not edited. Pure. */
import { AppError } from '../../base/errors.ts'
import { printable } from '../../base/printable.ts'
import type { TextEdit } from '../../base/text-edit.ts'

/** An edit in the file that a server calls so. */
export type FileEdit = TextEdit & { readonly file: string; readonly line: number }

/** A file of a configuration. */
export type Source = {
  /** As the server calls it. */
  readonly name: string
  /** Absolute, free of links. */
  readonly path: string
  /** As it lies there. */
  readonly current: string
  /** Without the edits of an earlier installation. */
  readonly text: string
  /** Why it must not be edited. */
  readonly refusal?: string
}

/**
 * Edits by file; one that several includes lead to is edited once.
 * @throws AppError ERR_DEPLOY where a file must not be edited, with file and line
 */
export function editsByFile(
  edits: readonly FileEdit[],
  sources: ReadonlyMap<string, Source>,
): ReadonlyMap<Source, readonly TextEdit[]> {
  const refused = edits.flatMap(({ file, line }) => {
    const refusal = sources.get(file)?.refusal
    return refusal === undefined ? [] : [`${printable(file)}:${line}: ${refusal}`]
  })
  if (refused.length > 0) {
    throw new AppError('ERR_DEPLOY', [...new Set(refused)].join('\n'), {
      hint: 'edit it yourself, or move the server block into a file of its own; nothing was changed',
    })
  }
  const byPath = new Map<string, { readonly source: Source; readonly edits: TextEdit[] }>()
  for (const { file, start, end, text } of edits) {
    const source = sources.get(file)
    if (source === undefined) throw new TypeError(`${file} is not a file of the configuration`)
    const known = byPath.get(source.path) ?? { source, edits: [] }
    byPath.set(source.path, known)
    const isKnown = known.edits.some(
      edit => edit.start === start && edit.end === end && edit.text === text && text !== '',
    )
    if (!isKnown) known.edits.push({ start, end, text })
  }
  return new Map([...byPath.values()].map(({ source, edits }) => [source, edits]))
}

/** What somebody else's tool writes at the head of its files. */
const ownersOfFiles: readonly { readonly pattern: RegExp; readonly owner: string }[] = [
  { pattern: /\bplesk\b/i, owner: 'Plesk' },
  { pattern: /\bcpanel\b/i, owner: 'cPanel' },
  { pattern: /\bispconfig\b/i, owner: 'ISPConfig' },
  { pattern: /\bnginx.?proxy.?manager\b/i, owner: 'Nginx Proxy Manager' },
  { pattern: /\bgitlab\b/i, owner: 'GitLab' },
  { pattern: /\bsynology\b/i, owner: 'Synology' },
  {
    pattern: /\b(?:managed|generated|maintained|written) by (puppet|ansible|chef|salt|terraform)\b/i,
    owner: 'a tool for whole machines',
  },
  { pattern: /\b(?:do not|don.t) (?:edit|modify|change|touch)\b/i, owner: 'a program' },
]
const headLines = 12

/** Whose file it is by the comments at its head; `undefined` where nobody says so. */
export function ownerOfFile(text: string): string | undefined {
  const head = text.split('\n', headLines).filter(line => /^\s*#/.test(line))
  for (const line of head) {
    const found = ownersOfFiles.find(({ pattern }) => pattern.test(line))
    if (found !== undefined) return `it says "${printable(line.trim(), 120)}", and belongs to ${found.owner}`
  }
  return undefined
}
