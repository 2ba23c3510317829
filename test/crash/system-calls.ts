/** What a program asked the kernel to do with files, from a trace of strace. */

/** One call that has succeeded; paths are absolute. */
export type SystemCall =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'open'; readonly path: string; readonly file: number }
  | { readonly kind: 'write'; readonly file: number; readonly text: string }
  | { readonly kind: 'sync' | 'close'; readonly file: number }
  | { readonly kind: 'make-directory' | 'unlink' | 'look'; readonly path: string }
  | { readonly kind: 'link' | 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'symlink'; readonly target: string; readonly path: string }

/** The calls that {@link parseTrace} understands, as strace takes them. */
export const tracedCalls = [
  ...[
    'open',
    'openat',
    'close',
    'write',
    'pwrite64',
    'fsync',
    'fdatasync',
    'access',
    'faccessat',
    'faccessat2',
  ],
  ...[
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'symlink',
    'symlinkat',
    'unlink',
    'unlinkat',
    'rmdir',
  ],
  ...['mkdir', 'mkdirat', 'writev', 'pwritev', 'truncate', 'ftruncate', 'copy_file_range', 'creat'],
]

/**
 * The calls in the order in which they ended; those that failed are left out.
 * @throws on a call that changes files in a way that nobody has thought of here
 */
export function parseTrace(trace: string): readonly SystemCall[] {
  const begun = new Map<string, string>()
  const calls: SystemCall[] = []
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const [, beginning] = /^(.*) <unfinished \.\.\.>$/.exec(rest) ?? []
    if (beginning !== undefined) {
      begun.set(thread, beginning)
      continue
    }
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest) ?? []
    const call = parseCall(end === undefined ? rest : (begun.get(thread) ?? '') + end)
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function parseCall(text: string): SystemCall | undefined {
  const [, name = '', parameters = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? []
  const strings = [...parameters.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, string = '']) => string)
  const [first = '', second = ''] = strings
  const kind = name.replace(/at2?$/, '')
  if (kind === 'access' || kind === 'faccess') return { kind: 'look', path: first } // that it fails is what it says
  if (Number(result) < 0) return undefined
  const file = Number.parseInt(parameters, 10)
  switch (kind) {
    case '':
      return undefined // a signal, or the end of a thread
    case 'open':
      return { kind: /O_CREAT/.test(parameters) ? 'create' : 'open', path: first, file: Number(result) }
    case 'close':
      return { kind, file }
    case 'write':
    case 'pwrite64':
      return { kind: 'write', file, text: first }
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', file }
    case 'rename':
    case 'link':
      return { kind, from: first, to: second }
    case 'symlink':
      return { kind, target: first, path: second }
    case 'unlink':
    case 'rmdir':
      return { kind: 'unlink', path: first }
    case 'mkdir':
      return { kind: 'make-directory', path: first }
    default:
      throw new Error(`${name} is not understood`)
  }
}
