/** Where nginx says which process it is. */
import type { Directive } from './config.ts'

/**
 * The pid file: the `pid` directive, or what nginx was built with.
 * @param askBuild - the output of `nginx -V`, asked for only when the configuration does not tell
 */
export async function pidFileOf(
  { directives }: { readonly directives: readonly Pick<Directive, 'name' | 'args'>[] },
  { prefix, askBuild }: { readonly prefix: string | undefined; readonly askBuild: () => Promise<string> },
): Promise<string> {
  const configured = directives.findLast(({ name }) => name === 'pid')?.args[0]
  if (configured?.startsWith('/')) return configured
  const build = await askBuild()
  const builtWith = (option: string): string | undefined => new RegExp(` --${option}=(\\S+)`).exec(build)?.[1]
  const file = configured ?? builtWith('pid-path') ?? 'logs/nginx.pid'
  if (file.startsWith('/')) return file
  const directory = prefix ?? builtWith('prefix') ?? '/usr/local/nginx' // nginx's own default
  return `${directory.replace(/\/$/, '')}/${file}`
}

/** `nginx: master process …`, another program of the family in the same form, or the program's own path. */
export function isNginx(title: string): boolean {
  const [first = ''] = title.split(/[\0 ]/)
  return /^\S+: master process/.test(title) || first.slice(first.lastIndexOf('/') + 1).includes('nginx')
}
