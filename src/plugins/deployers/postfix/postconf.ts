/** What `postconf` prints. Pure. */

/** Parameters by name. */
export type Parameters = ReadonlyMap<string, string>

/** A line of master.cf, with the parameters that it sets for itself. */
export type Service = {
  /** The port, with an address before it where there is one: `smtp`, `127.0.0.1:10025`. */
  readonly name: string
  /** `inet`, `unix`, `pass`, … */
  readonly type: string
  /** The program: `smtpd`. */
  readonly command: string
  /** Those of main.cf, but for what the line overrides. */
  readonly parameters: Parameters
}

/** Reads `NAME = VALUE` lines. */
export function parseParameters(text: string): Parameters {
  return new Map(
    text.split('\n').flatMap(line => {
      const [, name, value = ''] = /^(\S+) =(?: (.*))?$/.exec(line) ?? []
      return name === undefined ? [] : [[name, value.trim()] as const]
    }),
  )
}

/**
 * The services of master.cf.
 * @param lines - as `postconf -M` prints them
 * @param overrides - as `postconf -P` prints them: `SERVICE/TYPE/NAME = VALUE`
 */
export function parseServices(
  lines: string,
  { overrides, main }: { readonly overrides: string; readonly main: Parameters },
): readonly Service[] {
  const changes = [...parseParameters(overrides)]
  return lines.split('\n').flatMap(line => {
    const [name, type, , , , , , command] = line.split(/\s+/)
    if (name === undefined || type === undefined || command === undefined) return []
    const prefix = `${name}/${type}/`
    const own = changes.flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    )
    return [{ name, type, command, parameters: new Map([...main, ...own]) }]
  })
}
