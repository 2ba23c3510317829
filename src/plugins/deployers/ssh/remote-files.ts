/**
 * Files on another machine, as those of this one are written: beside their places first, named all at once, and put back
 * when that was wrong. Contents go through the standard input, never through a command line.
 */
import { AppError } from '../../../base/errors.ts'
import { sha256Hex } from '../../../base/sha256.ts'
import type { WantedFile } from '../../../contracts/files-target.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { PreparedFiles } from '../../../runtime/target-files.ts'
import type { FilledFile } from '../files/contents.ts'
import { runThere } from './connection.ts'
import { placeName, type SshPlace } from './place.ts'
import { quote } from './quote.ts'

const hashLength = 16

/** How a file was found there. `orphan` lies there as wanted, but a process died before it was known to be good. */
const states = ['same', 'orphan', 'differs', 'absent'] as const
type State = (typeof states)[number]

type Remote = { readonly file: WantedFile; readonly state: State }

/**
 * Writes the files that do not lie there as wanted.
 * @param options.makeDirectory - is made when it is missing
 * @throws AppError ERR_DEPLOY; then nothing is left behind, as far as the machine can still be reached
 */
export async function prepareThere(
  place: SshPlace,
  files: readonly FilledFile[],
  { makeDirectory, signal }: { readonly makeDirectory?: string | undefined; readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'exec'>,
): Promise<PreparedFiles> {
  const run = async (what: string, lines: readonly string[]): Promise<void> => {
    if (lines.length > 0) await runThere(place, script(lines), { what }, runtime)
  }
  if (makeDirectory !== undefined) {
    const make = [`d=${quote(makeDirectory)}`, 'umask 022', '[ -d "$d" ] || mkdir -- "$d"']
    await runThere(place, script(make), { what: `make ${makeDirectory}`, signal }, runtime)
  }
  const remotes: Remote[] = []
  const discard = () =>
    run(
      'remove what was prepared',
      files.map(({ file }) => `rm -f -- ${quote(namesOf(file.path).fresh)}`),
    )
  try {
    for (const { file, content } of files) {
      const what = `write ${file.path}`
      const said = await runThere(
        place,
        uploadScript(file, content.length),
        { what, input: content, signal },
        runtime,
      )
      const state = states.find(one => one === said.trim())
      if (state === undefined) throw unexpected(place, what)
      remotes.push({ file, state })
    }
  } catch (error) {
    await discard().catch(() => {}) // the first failure is the one to report
    throw error
  }
  const changed = remotes.filter(({ state }) => state === 'differs' || state === 'absent')
  const orphans = remotes.filter(({ state }) => state === 'orphan')
  return {
    copies: [], // of this machine only: what is there is seen at the endpoints
    changes: changed.length + orphans.length > 0,
    replaces: remotes.some(({ state }) => state !== 'absent'),
    commit: () =>
      run(
        'replace the files',
        changed.map(({ file }) => commitLine(file)),
      ),
    undo: () => run('put the files back', [...changed.map(undoLine), ...orphans.map(orphanLine)]),
    keep: () =>
      run(
        'remove what was kept aside',
        [...changed, ...orphans].map(({ file }) => `rm -f -- ${quote(namesOf(file.path).aside)}`),
      ),
  }
}

function unexpected(place: SshPlace, what: string): AppError {
  return new AppError('ERR_DEPLOY', `${placeName(place)}: cannot ${what}: it answered something else`, {
    hint: 'see whether its login shell prints something by itself, or runs another command than it is given',
  })
}

/** Stops at the first line that fails. One line, because not every login shell takes more in quotes. */
function script(lines: readonly string[]): string {
  return ['set -eu', ...lines].join('; ')
}

/** The file, the new one until it gets its name, and the earlier one until it is certain that it is not needed. */
function namesOf(path: string): { readonly path: string; readonly fresh: string; readonly aside: string } {
  const slash = path.lastIndexOf('/')
  const hash = sha256Hex(path.slice(slash + 1)).slice(0, hashLength)
  const beside = path.slice(0, slash + 1)
  return { path, fresh: `${beside}.certwright-new-${hash}`, aside: `${beside}.certwright-old-${hash}` }
}

function variables(path: string): string {
  const { fresh, aside } = namesOf(path)
  return `f=${quote(path)}; n=${quote(fresh)}; o=${quote(aside)}`
}

/**
 * Takes the new file from its input, for its owner alone until it has its mode, and says how it differs from the present
 * one. A connection that broke in between has not sent all of it.
 */
function uploadScript({ path, mode, owner, group }: WantedFile, length: number): string {
  const octal = mode.toString(8).padStart(4, '0')
  const whose = owner === undefined ? '"$(id -u)"' : quote(String(owner))
  const ofGroup = group === undefined ? '' : ` -group ${quote(String(group))}`
  return script([
    variables(path),
    'umask 077',
    'fail() { echo "$1" >&2; rm -f -- "$n"; exit 1; }',
    'if [ -L "$f" ]; then fail "it is a symbolic link"; fi',
    'if [ -e "$f" ] && [ ! -f "$f" ]; then fail "it is no file"; fi',
    'rm -f -- "$n"',
    'set -C', // from here on nothing is opened that somebody else has put there
    'cat > "$n"',
    'set +C',
    `[ $(($(wc -c < "$n"))) -eq ${length} ] || fail "it did not arrive whole"`,
    ...(owner === undefined
      ? []
      : [`chown -- ${quote(String(owner))} "$n" || fail "its owner cannot be set"`]),
    ...(group === undefined
      ? []
      : [`chgrp -- ${quote(String(group))} "$n" || fail "its group cannot be set"`]),
    `chmod ${octal} "$n"`,
    `if [ ! -e "$f" ]; then echo absent; elif cmp -s -- "$n" "$f" && [ -n "$(find "$f" -prune -perm ${octal} -user ${whose}${ofGroup})" ]; then rm -f -- "$n"; if [ -e "$o" ]; then echo orphan; else echo same; fi; else echo differs; fi`,
  ])
}

/** A second name for what lies there, so that its own is never missing; where that cannot be, another name. */
function commitLine({ path }: WantedFile): string {
  return `${variables(path)}; if [ -e "$f" ]; then rm -f -- "$o"; ln -- "$f" "$o" 2>/dev/null || mv -f -- "$f" "$o"; fi; mv -f -- "$n" "$f"`
}

/** The new file still having its other name is the sign that it was not named; a broken connection leaves no other. */
function undoLine({ file, state }: Remote): string {
  const remove = state === 'absent' ? 'else rm -f -- "$f"; ' : ''
  return `${variables(file.path)}; if [ -e "$n" ]; then rm -f -- "$n"; if [ -e "$f" ]; then rm -f -- "$o"; elif [ -e "$o" ]; then mv -f -- "$o" "$f"; fi; elif [ -e "$o" ]; then mv -f -- "$o" "$f"; ${remove}fi`
}

function orphanLine({ file }: Remote): string {
  return `${variables(file.path)}; if [ -e "$o" ]; then mv -f -- "$o" "$f"; fi`
}
