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
  const discard = () =>
    run(
      'remove what was prepared',
      files.map(({ file }) => `rm -f -- ${quote(namesOf(file.path).fresh)}`),
    )
  const remotes = await upload(place, files, { makeDirectory, signal }, runtime).catch(async error => {
    await discard().catch(() => {}) // the first failure is the one to report
    throw error
  })
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

/** Sends all files through one connection, and hears how each differs from the one that is there. */
async function upload(
  place: SshPlace,
  files: readonly FilledFile[],
  { makeDirectory, signal }: { readonly makeDirectory?: string | undefined; readonly signal: AbortSignal },
  runtime: Pick<Runtime, 'exec'>,
): Promise<readonly Remote[]> {
  const d = makeDirectory === undefined ? [] : [`d=${quote(makeDirectory)}`, makeMissing]
  const lines = [...d, 'umask 077', takeFile, ...files.map(takeLine)]
  const input = Buffer.concat(files.map(({ content }) => content))
  const said = await runThere(place, script(lines), { what: 'write the files', input, signal }, runtime)
  // Before the answers may be a greeting of the login shell.
  const answers = said.trimEnd().split('\n').slice(-files.length)
  return files.map(({ file }, index) => {
    const state = states.find(one => one === answers[index]?.trim())
    if (state !== undefined) return { file, state }
    throw new AppError(
      'ERR_DEPLOY',
      `${placeName(place)}: cannot write the files: it answered something else`,
      {
        hint: 'see whether it runs another command than it is given, as a key with command= does',
      },
    )
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

const makeMissing = '[ -d "$d" ] || (umask 022; mkdir -- "$d")'

/**
 * The shell function `take FILE NEW OLD LENGTH MODE OWNER GROUP`: takes a new file from the input, for its owner alone until
 * it has its mode, and says how it differs from the present one. A connection that broke in between has not sent all of it.
 */
const takeFile = [
  'fail() { echo "$f: $1" >&2; rm -f -- "$n"; exit 1; }; take() { f=$1; n=$2; o=$3',
  'if [ -L "$f" ]; then fail "it is a symbolic link"; fi',
  'if [ -e "$f" ] && [ ! -f "$f" ]; then fail "it is no file"; fi',
  'rm -f -- "$n"',
  'set -C', // from here on nothing is opened that somebody else has put there
  'said=$(dd bs=1 count="$4" 2>&1 > "$n") || fail "$said"', // the only program of POSIX that takes no more than it is told
  'set +C',
  '[ $(($(wc -c < "$n"))) -eq "$4" ] || fail "it did not arrive whole"',
  '[ -z "$6" ] || chown -- "$6" "$n" || fail "its owner cannot be set"',
  '[ -z "$7" ] || chgrp -- "$7" "$n" || fail "its group cannot be set"',
  'chmod "$5" "$n"',
  'if [ ! -e "$f" ]; then echo absent; return; fi',
  'if cmp -s -- "$n" "$f" && [ -n "$(find "$f" -prune -perm "$5" -user "${6:-$(id -u)}" ${7:+-group "$7"})" ]',
  'then rm -f -- "$n"',
  'if [ -e "$o" ]; then echo orphan; else echo same; fi',
  'else echo differs; fi; }',
].join('; ')

function takeLine({ file, content }: FilledFile): string {
  const { path, mode, owner = '', group = '' } = file
  const { fresh, aside } = namesOf(path)
  const words = [path, fresh, aside, content.length, mode.toString(8).padStart(4, '0'), owner, group]
  return `take ${words.map(word => quote(String(word))).join(' ')}`
}

/**
 * A second name for what lies there, so that its own is never missing; where that cannot be, another name. Not before it is
 * certain that there is a new file: another target for the same path would have taken it, and the earlier file would be lost.
 */
function commitLine({ path }: WantedFile): string {
  return `${variables(path)}; if [ ! -e "$n" ]; then echo "$f: another target writes the same file" >&2; exit 1; fi; if [ -e "$f" ]; then rm -f -- "$o"; ln -- "$f" "$o" 2>/dev/null || mv -f -- "$f" "$o"; fi; mv -f -- "$n" "$f"`
}

/** The new file still having its other name is the sign that it was not named; a broken connection leaves no other. */
function undoLine({ file, state }: Remote): string {
  const remove = state === 'absent' ? 'else rm -f -- "$f"; ' : ''
  return `${variables(file.path)}; if [ -e "$n" ]; then rm -f -- "$n"; if [ -e "$f" ]; then rm -f -- "$o"; elif [ -e "$o" ]; then mv -f -- "$o" "$f"; fi; elif [ -e "$o" ]; then mv -f -- "$o" "$f"; ${remove}fi`
}

function orphanLine({ file }: Remote): string {
  return `${variables(file.path)}; if [ -e "$o" ]; then mv -f -- "$o" "$f"; fi`
}
