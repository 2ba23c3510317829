/** The settings of Dovecot as `doveconf` prints them. Pure. */

/** Settings, and blocks with settings of their own. */
export type Settings = {
  readonly values: ReadonlyMap<string, string>
  readonly blocks: readonly Block[]
}
export type Block = Settings & {
  /** `service`, `local_name`, … */
  readonly type: string
  /** `imap-login`, `mail.example.com`, … */
  readonly label: string
}

type Open = { values: Map<string, string>; blocks: Block[] }

/** Reads what `doveconf` prints: a setting or the beginning or end of a block on each line. */
export function parseDoveconf(text: string): Settings {
  const top: Open = { values: new Map(), blocks: [] }
  const open: Open[] = [top]
  for (const line of text.split('\n').map(one => one.trim())) {
    const here = open.at(-1) ?? top
    const [, key, value = ''] = /^([^\s={}#]+) =(?: (.*))?$/.exec(line) ?? []
    const [, type, label = ''] = /^([^\s={}#]+)(?: (.*?))? \{$/.exec(line) ?? []
    if (key !== undefined) here.values.set(key, value)
    else if (type !== undefined) {
      const block = { type, label: label.replaceAll('"', ''), values: new Map<string, string>(), blocks: [] }
      here.blocks.push(block)
      open.push(block)
    } else if (line === '}' && open.length > 1) open.pop()
  }
  return top
}
