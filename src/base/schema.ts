/** Checking values from outside against a schema. The only file that knows the schema library. */
import * as v from 'valibot'

export { v }

/** One thing wrong with a value: where (member names and list positions) and what. */
export type Issue = {
  readonly path: readonly (string | number)[]
  readonly text: string
  readonly kind: string
}

/** A value that fits its schema, or everything that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/** Checks `value` against `schema` and collects every issue. */
export function parseWith<T>(schema: v.GenericSchema<unknown, T>, value: unknown): Parsed<T> {
  const result = v.safeParse(schema, value)
  if (result.success) return { ok: true, value: result.output }
  return { ok: false, issues: result.issues.map(toIssue) }
}

/** `issues` as one line: `status: expected "pending"; identifiers.0: …`. */
export function describeIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, text }) => (path.length === 0 ? text : `${path.join('.')}: ${text}`)).join('; ')
}

function toIssue(issue: v.BaseIssue<unknown>): Issue {
  const path = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))
  return { path, text: issue.message, kind: issue.type }
}
