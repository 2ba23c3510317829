/** Secrets by reference: configurations say where a secret is, never what it is. */
import { v } from '../base/schema.ts'

/** Where a secret is; it is read when it is used. */
export type SecretReference =
  | { readonly file: string }
  | { readonly env: string }
  | { readonly command: readonly string[] }

/** The text behind a reference. It MUST NOT appear in an error, a log record or the arguments of a program. */
export type ReadSecret = (reference: SecretReference) => Promise<string>

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))

/** Schema of a {@link SecretReference}. @internal */
export const secretSchema = v.union(
  [
    v.strictObject({ file: v.pipe(text, v.startsWith('/', 'must be an absolute path')) }),
    v.strictObject({ env: text }),
    v.strictObject({ command: v.pipe(v.array(text), v.nonEmpty('must name a program')) }),
  ],
  'must be a reference: { file: PATH }, { env: NAME } or { command: [PROGRAM, ...] }',
)
