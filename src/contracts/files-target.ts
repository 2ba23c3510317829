/** What can be set for the target `files`, and for the files and endpoints of every other target. */
import { parseIdentifier } from '../acme/identifier.ts'
import { printable } from '../base/printable.ts'
import { v } from '../base/schema.ts'
import { endpointForm, parseEndpoint } from '../runtime/endpoint-text.ts'
import { type SecretReference, secretSchema } from './secret.ts'
import { servedWithinSchema } from './timeout.ts'

/** What a file of a target may hold. */
export const fileFormats = [
  /** The certificate alone. */
  'cert',
  /** The intermediates alone. */
  'chain',
  /** The certificate, then the intermediates. */
  'fullchain',
  /** The private key, PKCS #8. */
  'key',
  /** The key, the certificate, the intermediates. */
  'combined',
  /** The certificate, the intermediates, the key. */
  'combined-chain-first',
  /** The certificate alone, DER. */
  'der-cert',
  /** The private key, PKCS #8, DER. */
  'der-key',
  /** Key, certificate and intermediates behind a password. */
  'pkcs12',
] as const
export type FileFormat = (typeof fileFormats)[number]

/** Whether a file of this format holds the private key. */
export function holdsKey(format: FileFormat): boolean {
  return format !== 'cert' && format !== 'chain' && format !== 'fullchain' && format !== 'der-cert'
}

/** The usual five: what a target gets that names no files, and what every tutorial calls them. */
const usualFiles: readonly { readonly path: string; readonly format: FileFormat }[] = [
  { path: 'cert.pem', format: 'cert' },
  { path: 'chain.pem', format: 'chain' },
  { path: 'fullchain.pem', format: 'fullchain' },
  { path: 'privkey.pem', format: 'key' },
  { path: 'combined.pem', format: 'combined' },
]

const privateMode = 0o600
const publicMode = 0o644
const othersMayRead = 0o004

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
/** Nothing that goes up, and nothing that cannot be shown. */
const isPath = (path: string): boolean =>
  printable(path, path.length) === path && !/(^|\/)\.\.?(\/|$)|\/$/.test(path)
/** @internal */
export const absolutePath = v.pipe(
  text,
  v.startsWith('/', 'must be an absolute path'),
  v.check(isPath, 'must be a plain path, without . and .. in it'),
)
const owner = v.union(
  [
    v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.@-]*\$?$/, 'is not the name of a user or group')),
    v.pipe(v.number(), v.integer(), v.minValue(0)),
  ],
  'must be a name or a number',
)
/** `0640` is a number in YAML, and means the same whether it is quoted or not; `0o640` would be another number. */
const mode = v.pipe(
  v.union([v.string(), v.number()], 'must be a mode such as "0640"'),
  v.check(
    value => /^0?[46][046][046]$/.test(String(value)),
    'must be a mode such as "0640": three digits of 0, 4 (read) and 6 (read and write) for owner, group and others',
  ),
)
/** For all files of a place where a key is among them. @internal */
export const modeWithKey = v.pipe(
  mode,
  v.check(
    value => ((parseMode(value) ?? 0) & othersMayRead) === 0,
    'must not let everybody read a private key: its last digit is 0',
  ),
)
/** Who owns files, and who may read them. @internal */
export const who = { owner: v.optional(owner), group: v.optional(owner), mode: v.optional(mode) }

const fileSchema = v.pipe(
  v.strictObject({
    path: v.pipe(text, v.check(isPath, 'must be the path of a file, without . and .. in it')),
    format: v.picklist(fileFormats),
    ...who,
    password: v.optional(secretSchema),
    alias: v.optional(text),
  }),
  v.check(
    ({ format, password }) => (format === 'pkcs12') === (password !== undefined),
    'must have a password if its format is pkcs12, and none otherwise',
  ),
  v.check(
    ({ format, alias }) => format === 'pkcs12' || alias === undefined,
    'can have an alias only if its format is pkcs12',
  ),
)

function isServerName(name: string): boolean {
  try {
    const { type, value } = parseIdentifier(name)
    return type === 'dns' && !value.startsWith('*')
  } catch {
    return false
  }
}

/** The files that a target gets, and how they lie there. */
const fileEntries = {
  directory: v.optional(absolutePath),
  ...who,
  write: v.optional(v.pipe(v.array(fileSchema), v.nonEmpty('must name at least one file'))),
}

/** A host name that a certificate can be for, and a client can ask for. @internal */
export const serverNameSchema = v.pipe(
  v.string(),
  v.check(isServerName, 'must be a host name such as mail.example.com'),
)

/** Where a target is looked at after it was given a certificate. @internal */
export const endpointEntries = {
  endpoints: v.optional(
    v.array(
      v.pipe(
        v.string(),
        v.check(endpoint => parseEndpoint(endpoint) !== undefined, `must be ${endpointForm}`),
      ),
    ),
  ),
  'server-name': v.optional(serverNameSchema),
  /** How long it may take until the new certificate is seen. */
  'served-within': v.optional(servedWithinSchema),
}

/** Program and arguments. @internal */
export const commandSchema = v.pipe(v.array(text), v.nonEmpty('must name a program'))

/** What a target says about its files. */
export type FileOptions = v.InferOutput<v.StrictObjectSchema<typeof fileEntries, undefined>>

/** What a target says about where it is looked at. */
export type EndpointOptions = v.InferOutput<v.StrictObjectSchema<typeof endpointEntries, undefined>>

/** What must hold between the options of the files of a target; `undefined` where nothing is wrong. */
function mistakeIn(options: FileOptions): string | undefined {
  const { directory, write } = options
  if (directory === undefined && write?.some(({ path }) => !path.startsWith('/')) === true) {
    return write.some(({ path }) => path.startsWith('/'))
      ? 'must have a directory for the files whose paths do not begin with /'
      : 'must have a directory, or files with absolute paths'
  }
  const { owner, group, mode } = options
  if (directory === undefined && write === undefined) {
    return (owner ?? group ?? mode) === undefined
      ? undefined
      : 'must have a directory or files for the owner, group and mode that it has'
  }
  const files = wantedFiles(options)
  if (new Set(files.map(({ path }) => path)).size !== files.length)
    return 'must not write two files to the same path'
  return files.every(file => !holdsKey(file.format) || (file.mode & othersMayRead) === 0)
    ? undefined
    : 'must not let everybody read a private key: the last digit of the mode of such a file is 0'
}

/**
 * Schema of a target with options of its own beside those for files (all of them optional: a server may read `live/NAME`)
 * and endpoints. @internal
 */
export function targetWithFiles<const Own extends v.ObjectEntries>(own: Own) {
  return v.pipe(
    v.strictObject({ ...own, ...fileEntries, ...endpointEntries }),
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? mistakeIn(dataset.value) : undefined
      if (message !== undefined) addIssue({ message })
    }),
  )
}

/** Schema of `files:` in the configuration, and of the plugin's options. @internal */
export const filesTargetSchema = v.pipe(
  targetWithFiles({ reload: v.optional(commandSchema) }),
  v.check(
    ({ directory, write }) => directory !== undefined || write !== undefined,
    'must have a directory, or files with absolute paths',
  ),
)
export type FilesTarget = v.InferOutput<typeof filesTargetSchema>

/** Whether a target is given copies; otherwise its server reads `live/NAME`. */
export function hasFiles({ directory, write }: Pick<FileOptions, 'directory' | 'write'>): boolean {
  return directory !== undefined || write !== undefined
}

/** A file that a target wants, with what the target says about all of its files. */
export type WantedFile = {
  /** Absolute. */
  readonly path: string
  readonly format: FileFormat
  readonly mode: number
  /** Name or number. */
  readonly owner: string | number | undefined
  readonly group: string | number | undefined
  readonly password: SecretReference | undefined
  readonly alias: string | undefined
}

type Who = {
  readonly owner?: string | number | undefined
  readonly group?: string | number | undefined
  readonly mode?: string | number | undefined
}
type Written = Who & Pick<WantedFile, 'path' | 'format'> & Partial<Pick<WantedFile, 'password' | 'alias'>>

/** The files of a target, in its order; the usual five where it names none. */
export function wantedFiles({
  directory = '',
  write = usualFiles,
  ...all
}: Who & {
  readonly directory?: string | undefined
  readonly write?: readonly Written[] | undefined
}): readonly WantedFile[] {
  return write.map(({ path, format, owner, group, mode, password, alias }) => ({
    path: path.startsWith('/') ? path : `${directory}/${path}`,
    format,
    mode: parseMode(mode ?? all.mode) ?? (holdsKey(format) ? privateMode : publicMode),
    owner: owner ?? all.owner,
    group: group ?? all.group,
    password,
    alias,
  }))
}

/** The number of a mode; `"0640"` and `640` are the same. */
export function parseMode(text: string | number | undefined): number | undefined {
  return text === undefined ? undefined : Number.parseInt(String(text), 8)
}
