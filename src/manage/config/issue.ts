/** What is wrong with a configuration, and where. */

/** One mistake: the file, the line and the key, in words, with what to do. */
export type ConfigIssue = {
  readonly file: string
  /** 1-based; absent where the mistake has no line. */
  readonly line?: number | undefined
  /** `certificates.example.com.key`. */
  readonly key?: string | undefined
  readonly text: string
  readonly hint?: string | undefined
}

/** An issue in one line: `/etc/certwright/certwright.yaml:7: certificates.a.kee: unknown key (did you mean key?)`. */
export function describeConfigIssue({ file, line, key, text, hint }: ConfigIssue): string {
  const place = line === undefined ? file : `${file}:${line}`
  return `${place}: ${key === undefined ? '' : `${key}: `}${text}${hint === undefined ? '' : ` (${hint})`}`
}
