/** Checking values from outside against a schema. The only file that knows the schema library. */
import * as v from 'valibot'
import { plainWords } from './schema-words.ts'

/** @internal */
export { v }

/** One thing wrong with a value: where (member names and list positions) and what. */
export type Issue = {
  readonly path: readonly (string | number)[]
  readonly text: string
  /** Present where the last step of the path is a member that the schema does not know: the ones it knows there. */
  readonly unknownAmong?: readonly string[]
}

/** A value that fits its schema, or everything that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** Checks `value` against `schema` and collects every issue. @internal */
export function parseWith<T>(schema: v.GenericSchema<unknown, T>, value: unknown): Parsed<T> {
  const result = v.safeParse(schema, value)
  if (result.success) return { ok: true, value: result.output }
  return { ok: false, issues: result.issues.flatMap(issue => toIssues(schema, issue)) }
}

/** `issues` as one line: `status: expected "pending"; identifiers.0: …`. */
export function describeIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, text }) => (path.length === 0 ? text : `${path.join('.')}: ${text}`)).join('; ')
}

type Path = readonly (string | number)[]

/** The issues behind one of the library's: a union's are those of the option that came closest. */
function toIssues(schema: v.GenericSchema, issue: v.BaseIssue<unknown>, parent: Path = []): readonly Issue[] {
  const path = [
    ...parent,
    ...(issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key))),
  ]
  const inside =
    issue.type === 'union' ? issue.issues?.filter(part => (part.path ?? []).length > 0) : undefined
  if (inside !== undefined && inside.length > 0) return inside.flatMap(part => toIssues(schema, part, path))
  if (issue.type !== 'strict_object' || issue.expected !== 'never')
    return [{ path, text: plainWords(issue.message) }]
  return [{ path, text: 'unknown member', unknownAmong: membersAt(schema, path.slice(0, -1)) }]
}

/** The parts of the library's schema objects that a path can lead through. */
type SchemaNode = {
  readonly wrapped?: unknown
  readonly options?: readonly unknown[]
  readonly entries?: Readonly<Record<string, unknown>>
  readonly value?: unknown
  readonly item?: unknown
}

/** The members that the schema knows at the end of a path. */
function membersAt(schema: unknown, path: Path): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const node: SchemaNode = schema
  if (node.wrapped !== undefined) return membersAt(node.wrapped, path)
  if (node.options !== undefined) return node.options.flatMap(option => membersAt(option, path))
  const [step, ...rest] = path
  if (step === undefined) return Object.keys(node.entries ?? {})
  return membersAt(node.entries?.[step] ?? node.value ?? node.item, rest)
}
