/** Which server blocks read the files of a certificate. */
import type { Trail } from '../server/file-trail.ts'
import type { FileSetting, ServerBlock } from './server-blocks.ts'

/** Where the paths of a configuration lead. */
export type Trails = {
  /** By absolute path. */
  readonly of: ReadonlyMap<string, Trail>
  /** Where the link `live/<name>` ends today. */
  readonly liveEnd: string
}

/** Whether the certificate that a block shows is read through `live/<name>`. */
export function usesCertificate({ certificates, rejectsHandshakes }: ServerBlock, trails: Trails): boolean {
  return !rejectsHandshakes && certificates.some(setting => fileOfOurs(setting, trails) !== undefined)
}

/** The file below `live/<name>` that a setting reads, such as `fullchain.pem`. */
export function fileOfOurs({ path }: FileSetting, trails: Trails): string | undefined {
  return path === undefined ? undefined : trails.of.get(path)?.below
}

/** Whether the path of a setting leads through a directory. */
export function isBelow({ path }: FileSetting, directory: string): boolean {
  return path?.startsWith(`${directory}/`) === true
}

/** Whether a setting reads our present file past the link, and so will keep it when the next one comes. */
export function isPastTheLink({ path }: FileSetting, { of, liveEnd }: Trails): boolean {
  const trail = path === undefined ? undefined : of.get(path)
  return trail !== undefined && trail.below === undefined && trail.end.startsWith(`${liveEnd}/`)
}

/** Every file that a configuration names as certificate or key. */
export function filesToFollow(blocks: readonly ServerBlock[]): ReadonlySet<string> {
  const settings = blocks.flatMap(({ certificates, keys }) => [...certificates, ...keys])
  return new Set(settings.flatMap(({ path }) => path ?? []))
}
