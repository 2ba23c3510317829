/** YAML text into checked values, with line numbers for every complaint. The only file that knows the YAML library. */
import { isDeepStrictEqual } from 'node:util'
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
  stringify,
  visit,
} from 'yaml'
import { type Issue, parseWith, type v } from '../../base/schema.ts'
import { suggest } from '../../base/suggest.ts'
import type { ConfigIssue } from './issue.ts'

/** A checked document, and the way back from a key to its line. */
export type ConfigDocument<T> = {
  readonly value: T
  lineOf(path: readonly (string | number)[]): number | undefined
}

/**
 * Parses YAML (or JSON, which is YAML) and checks it. An empty file is an empty document.
 * Aliases are limited and custom tags refused by the library's defaults.
 */
export function parseConfigDocument<T>(
  file: string,
  text: string,
  schema: v.GenericSchema<unknown, T>,
): ConfigDocument<T> | { readonly issues: readonly ConfigIssue[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    uniqueKeys: false, // the library compares every key with every other one
  })
  const issueAt = (offset: number, text: string) => ({ file, line: lines.linePos(offset).line, text })
  const issues = document.errors.map(({ pos, message }) => issueAt(pos[0], message.replace(/\s+/g, ' ')))
  for (const key of repeatedKeys(document)) issues.push(issueAt(startOf(key) ?? 0, 'Map keys must be unique'))
  if (issues.length > 0) return { issues }
  if (document.contents !== null && !isMap(document.contents)) {
    return {
      issues: [
        { file, line: 1, text: 'must be a map of keys', hint: 'begin with, for example, certificates:' },
      ],
    }
  }
  const lineOf = (path: readonly (string | number)[]) => {
    const offset = offsetOf(document.contents, path)
    return offset === undefined ? undefined : lines.linePos(offset).line
  }
  const value = plainValue(document)
  if (value === undefined) {
    const hint = 'write out what the aliases stand for'
    return { issues: [{ file, text: 'has aliases that stand for too much or for themselves', hint }] }
  }
  const reserved = reservedKeys(value).map(path => ({
    file,
    line: lineOf(path),
    key: path.join('.'),
    text: 'cannot be used as a key',
    hint: 'choose another name',
  }))
  const parsed = parseWith(schema, value)
  const wrong = parsed.ok ? [] : parsed.issues.map(issue => toConfigIssue(file, issue, lineOf))
  if (!parsed.ok || reserved.length > 0) {
    return { issues: [...reserved, ...wrong].sort((one, other) => (one.line ?? 0) - (other.line ?? 0)) }
  }
  return { value: parsed.value, lineOf }
}

/** YAML text of plain values, for drop-ins and for printing. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth })
}

/** The text with members of the map at `path` set, or taken out; what a person wrote beside them stays as it is. */
export function setInYaml(
  text: string,
  path: readonly string[],
  members: Readonly<Record<string, unknown>>,
): string {
  const document = parseDocument(text)
  path.forEach((_, index) => {
    const outer = path.slice(0, index + 1)
    const node = document.getIn(outer, true)
    if (isMap(node)) return
    // Nothing yet, or an alias, which is written out.
    document.setIn(outer, document.createNode((isNode(node) ? node.toJS(document) : undefined) ?? {}))
  })
  for (const [key, value] of Object.entries(members)) {
    const here = [...path, key]
    const node = document.getIn(here, true)
    if (value === undefined) document.deleteIn(here)
    // Writing the same again would take the comments in it away.
    else if (!isNode(node) || !isDeepStrictEqual(node.toJS(document), value)) document.setIn(here, value)
  }
  return document.toString({ lineWidth })
}

/** The text without what is at `path`. */
export function deleteInYaml(text: string, path: readonly string[]): string {
  const document = parseDocument(text)
  document.deleteIn(path)
  return document.toString({ lineWidth })
}

const lineWidth = 110
const maxAliases = 100

/** Keys that their map has already. */
function repeatedKeys(document: Document.Parsed): readonly unknown[] {
  const repeated: unknown[] = []
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : undefined
        if (value !== undefined && seen.has(value)) repeated.push(key)
        seen.add(value)
      }
    },
  })
  return repeated
}

/** `undefined` where an alias leads to itself, or aliases of aliases would fill the memory. */
function plainValue(document: Document.Parsed): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: maxAliases }) ?? {}
    JSON.stringify(value) // refuses a value that contains itself
    return value
  } catch (error) {
    if (error instanceof ReferenceError || error instanceof TypeError) return undefined
    throw error
  }
}

// The schema library leaves these out of a record without a word.
const reservedNames: readonly string[] = ['__proto__', 'constructor', 'prototype']

function reservedKeys(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => {
    const here = [...path, key]
    return reservedNames.includes(key) ? [here] : reservedKeys(member, here)
  })
}

function toConfigIssue(file: string, issue: Issue, lineOf: ConfigDocument<unknown>['lineOf']): ConfigIssue {
  const at = {
    file,
    line: lineOf(issue.path),
    key: issue.path.length === 0 ? undefined : issue.path.join('.'),
  }
  if (issue.unknownAmong === undefined) return { ...at, text: issue.text }
  const near = suggest(String(issue.path.at(-1)), issue.unknownAmong)
  const known = issue.unknownAmong.length === 0 ? undefined : `known keys: ${issue.unknownAmong.join(', ')}`
  return { ...at, text: 'unknown key', hint: near === undefined ? known : `did you mean ${near}?` }
}

function offsetOf(root: unknown, path: readonly (string | number)[]): number | undefined {
  let node: unknown = root
  let offset = startOf(node)
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (pair === undefined) return offset
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isNode(node) && 'items' in node && typeof step === 'number') {
      node = (node.items as readonly unknown[])[step]
      offset = startOf(node) ?? offset
    } else return offset
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as ParsedNode).range?.[0] : undefined
}
