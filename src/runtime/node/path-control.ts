/**
 * Who decides where a path leads, and what is there.
 *
 * Whoever can rename or replace something on the way of a path decides what it means tomorrow. We are often root, and
 * then nobody but root may decide that: neither for a program that we run nor for a link that we follow to write a key.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemError } from './system-error.ts'

/** One thing on the way: a directory that was passed, a link that was followed, or what is at the end. */
export type WayStep = { readonly path: string; readonly stats: Stats }

/** The way of a path, links followed. */
export type Way = {
  /** Free of links; beyond what exists, as written. */
  readonly end: string
  readonly steps: readonly WayStep[]
}

const maxLinks = 40 // Linux: MAXSYMLINKS

/**
 * Follows an absolute path link by link.
 * @throws the system's errors, ELOOP among them
 */
export function followPath(path: string): Way {
  const steps: WayStep[] = []
  const rest = componentsOf(path) // the next one is last
  let end = ''
  let links = 0
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '..') {
      end = dirname(end || '/').replace(/^\/$/, '')
      continue
    }
    const here = name === '' ? '/' : `${end}/${name}`
    const stats = lstatSync(here, { throwIfNoEntry: false })
    if (stats === undefined) return { end: resolve('/', here, ...rest.toReversed()), steps }
    steps.push({ path: here, stats })
    if (!stats.isSymbolicLink()) {
      end = name === '' ? '' : here
      continue
    }
    links += 1
    if (links > maxLinks) throw systemError('ELOOP', 'readlink', path)
    const target = readlinkSync(here)
    if (target.startsWith('/')) end = ''
    rest.push(...componentsOf(target, target.startsWith('/')))
  }
  return { end: end || '/', steps }
}

/** Components, last one first; the root is an empty one. */
function componentsOf(path: string, fromRoot = true): string[] {
  const names = path.split('/').filter(name => name !== '' && name !== '.')
  return [...(fromRoot ? [''] : []), ...names].reverse()
}

const groupWrite = 0o020
const othersWrite = 0o002
const sticky = 0o1000

/** Whether everybody may put something else in its place or into it. The rights of a link mean nothing. */
export function isOpenToAll({ stats }: WayStep): boolean {
  if (stats.isSymbolicLink() || (stats.mode & othersWrite) === 0) return false
  return !(stats.isDirectory() && (stats.mode & sticky) !== 0)
}

/** Whether it belongs to somebody who is neither root nor we. */
export function isStrangers({ stats }: WayStep): boolean {
  return stats.uid !== 0 && stats.uid !== process.geteuid?.()
}

/** Whether somebody who is neither root nor we may rename what is in a directory, or decides where a link leads. */
export function isControlledByOthers(step: WayStep): boolean {
  const { stats } = step
  if (isStrangers(step) || isOpenToAll(step)) return true
  if (stats.isSymbolicLink() || (stats.mode & groupWrite) === 0 || (stats.mode & sticky) !== 0) return false
  return stats.gid !== 0 && stats.gid !== process.getegid?.()
}

/** The first link on the way that somebody else could have made; it must not be followed to write anything. */
export function strangersLink({ steps }: Way): WayStep | undefined {
  let others = false
  for (const step of steps) {
    const controlled = isControlledByOthers(step)
    if (step.stats.isSymbolicLink()) {
      if (others || controlled) return step
    } else others ||= controlled
  }
  return undefined
}

/** What lets others change the program at the end of a path; absent where nothing does. */
export function programWeakness(path: string): { readonly path: string; readonly text: string } | undefined {
  const { steps } = followPath(path)
  for (const step of steps) {
    if (isOpenToAll(step)) return { path: step.path, text: 'can be changed by every user of this machine' }
    if (process.geteuid?.() === 0 && isStrangers(step))
      return { path: step.path, text: `belongs to user ${step.stats.uid}, and this is run as root` }
  }
  return undefined
}
