/** Errors in the form of the system's own, for conditions that we find ourselves. */

const texts = {
  EEXIST: 'file already exists',
  ENOENT: 'no such file or directory',
  EFBIG: 'file too large',
  EINVAL: 'not a regular file',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
} as const

/** An error with `code`, `syscall` and `path`, worded like those of the system. */
export function systemError(code: keyof typeof texts, syscall: string, path: string): Error {
  const message = `${code}: ${texts[code]}, ${syscall} '${path}'`
  return Object.assign(new Error(message), { code, syscall, path })
}
