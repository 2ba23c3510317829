/** Processes of this machine: what they are called, since when they run, and which one a target means. */
import { isAppError, systemCodeOf } from '../../../base/errors.ts'
import { secondMs } from '../../../base/instant.ts'
import { printable } from '../../../base/printable.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { readPid } from '../server/process.ts'

type ProcessRuntime = Pick<Runtime, 'exec' | 'files' | 'portOwner'>
type Options = { readonly signal: AbortSignal }

/** A process as the system shows it. */
export type RunningProcess = {
  readonly pid: number
  readonly parent: number
  /** Names that it goes by: of its file, of its title, and of the script where it is an interpreter. */
  readonly names: readonly string[]
  /** Its command line, NUL or a space between the words. */
  readonly title: string
  /** When it began: in ticks since the machine did, or how long ago. */
  readonly began: { readonly ticks: number } | { readonly agoMs: number }
}

/** The process that was meant; or how it was seen that it is not there. */
export type ProcessSearch =
  | { readonly running: true; readonly process: RunningProcess }
  | { readonly running: false; readonly text: string }

/** `USER_HZ`, in which /proc counts: 100 on every processor that Node runs on. */
const ticksPerSecond = 100
/** What the kernel keeps of a program's name (`TASK_COMM_LEN`). */
const maxKernelName = 15
/** A server writes its pid file when it has started; a clock that was set at boot is not taken for a new process. */
const laterMs = 5 * secondMs

/**
 * Reads a pid file and looks whether the process it names is the one that wrote it: a process id may have been given to
 * somebody else since, whom a signal for a server would end.
 * @param options.refuse - says in words that follow `which`, why a process is not the one that is meant
 */
export async function findByPidFile(
  pidFile: string,
  {
    refuse,
    signal,
  }: Options & {
    readonly refuse: (found: RunningProcess) => string | undefined | Promise<string | undefined>
  },
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<ProcessSearch> {
  const shown = printable(pidFile)
  const no = (text: string): ProcessSearch => ({ running: false, text: `${shown} ${text}` })
  const pid = await readPid(pidFile, runtime)
  if (typeof pid !== 'number') return no(pid.problem)
  const found = await readProcess(pid, { signal }, runtime)
  if (found === undefined) return no(`names process ${pid}, which is gone`)
  const refusal = await refuse(found)
  return refusal === undefined
    ? { running: true, process: found }
    : no(`names process ${pid}, which ${refusal}`)
}

/** Whether a process began when the file was there already: it cannot have written it. */
export async function beganAfter(
  found: RunningProcess,
  pidFile: string,
  options: Options,
  runtime: Pick<Runtime, 'exec' | 'files' | 'clock'>,
): Promise<boolean> {
  const facts = await runtime.files.facts(pidFile)
  if (facts === undefined) return false // it has just ended
  return runtime.clock.now() - (await ageMs(found, options, runtime)) > facts.mtimeMs + laterMs
}

/**
 * The main process of a program: the one whose parent is another program.
 * @param options.port - where there are several: the one that listens there, itself or through a child
 */
export async function findByProgram(
  program: string,
  { port, signal }: Options & { readonly port?: number | undefined },
  runtime: ProcessRuntime,
): Promise<ProcessSearch> {
  const all = (await readAll({ signal }, runtime)).filter(isCalled(program))
  const mains = all.filter(({ parent }) => all.every(({ pid }) => pid !== parent))
  const shown = printable(program)
  const [first, ...others] = mains
  if (first === undefined) return { running: false, text: `no process is called ${shown}` }
  if (port !== undefined) return await listenerAmong(all, mains, { port, shown }, runtime)
  if (others.length === 0) return { running: true, process: first }
  const pids = mains.map(({ pid }) => pid).join(', ')
  return {
    running: false,
    text: `${mains.length} processes are called ${shown} (${pids}), so it is not clear which is meant`,
  }
}

async function listenerAmong(
  all: readonly RunningProcess[],
  mains: readonly RunningProcess[],
  { port, shown }: { readonly port: number; readonly shown: string },
  { portOwner }: Pick<Runtime, 'portOwner'>,
): Promise<ProcessSearch> {
  const owner = await portOwner(port)
  let pid = Number(/\(pid (\d+)\)$/.exec(owner ?? '')?.[1])
  // A child that was given the socket leads to its parent.
  for (let step = all.length; step > 0; step -= 1) {
    const main = mains.find(one => one.pid === pid)
    if (main !== undefined) return { running: true, process: main }
    pid = all.find(one => one.pid === pid)?.parent ?? Number.NaN
  }
  const who = owner === undefined ? 'nobody that can be seen from here' : owner
  return { running: false, text: `port ${port} is not listened on by ${shown}, but by ${who}` }
}

/** Whether a process goes by a name. */
export function isCalled(program: string): (found: RunningProcess) => boolean {
  const cut = program.slice(0, maxKernelName)
  return ({ names }) => names.some((name, index) => name === program || (index === 0 && name === cut))
}

/** One process; `undefined` where there is none, or only what its parent has not yet looked at. */
export async function readProcess(
  pid: number,
  options: Options,
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<RunningProcess | undefined> {
  if (await hasProc(runtime)) return await readFromProc(pid, runtime)
  const found = await askPs(['-p', String(pid)], options, runtime)
  return found.find(one => one.pid === pid)
}

async function readAll(
  options: Options,
  runtime: Pick<Runtime, 'exec' | 'files'>,
): Promise<readonly RunningProcess[]> {
  if (!(await hasProc(runtime))) return await askPs(['-A'], options, runtime)
  const found: RunningProcess[] = []
  for (const name of await runtime.files.list('/proc')) {
    const one = /^\d+$/.test(name) ? await readFromProc(Number(name), runtime) : undefined
    if (one !== undefined) found.push(one)
  }
  return found
}

async function hasProc({ files }: Pick<Runtime, 'files'>): Promise<boolean> {
  return (await files.facts('/proc/self/stat')) !== undefined
}

/**
 * How long a process has been running. The ticks of now are those of a process that begins now: in a container, what /proc
 * says about the machine (`uptime`, `btime`) may be of another clock than what it says about processes.
 */
export async function ageMs(
  { began }: RunningProcess,
  { signal }: Options,
  { exec }: Pick<Runtime, 'exec'>,
): Promise<number> {
  if ('agoMs' in began) return began.agoMs
  const { stdout } = await exec('cat', ['/proc/self/stat'], { signal })
  const now = parseStat(stdout)?.startTicks ?? began.ticks
  return ((now - began.ticks) / ticksPerSecond) * secondMs
}

async function readFromProc(
  pid: number,
  { files }: Pick<Runtime, 'files'>,
): Promise<RunningProcess | undefined> {
  const stat = parseStat(await readText(`/proc/${pid}/stat`, files))
  if (stat === undefined) return undefined
  const title = await readText(`/proc/${pid}/cmdline`, files)
  const program = await files.readLink(`/proc/${pid}/exe`).catch(() => undefined) // not ours to see
  return {
    ...{ pid, parent: stat.parent, title },
    names: namesOf({ kernelName: stat.name, title, program }),
    began: { ticks: stat.startTicks },
  }
}

/** The fields of /proc/PID/stat (proc_pid_stat(5)) that are needed; `undefined` for a process that has ended. Pure. */
export function parseStat(
  text: string,
): { readonly name: string; readonly parent: number; readonly startTicks: number } | undefined {
  // The name may have spaces and parentheses in it.
  const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(text.trim()) ?? []
  const fields = rest.split(' ')
  const [state, parent] = fields
  const startTicks = Number(fields[19]) // the 22nd of all
  if (state === undefined || 'ZX'.includes(state) || !Number.isFinite(startTicks)) return undefined
  return { name, parent: Number(parent), startTicks }
}

/** Programs that run the file in their first argument. */
const interpreters = /^(?:python|perl|ruby|node|nodejs|php|lua|ba|da|k|z)?(?:sh)?[\d.]*$/

/** What a process may be called, the kernel's name first. Pure. */
export function namesOf({
  kernelName,
  title,
  program,
}: {
  readonly kernelName: string
  readonly title: string
  readonly program: string | undefined
}): readonly string[] {
  const [first = '', second = ''] = title.split(/[\0 ]/)
  const titled = baseName(first.replace(/:$/, '').replace(/^-/, '')) // `nginx: master process`, a login shell
  const file = program === undefined ? [] : [baseName(program.replace(/ \(deleted\)$/, ''))]
  const script = interpreters.test(titled) ? [baseName(second)] : []
  return [kernelName, titled, ...file, ...script].filter(name => name !== '')
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Systems without /proc: what `ps` of POSIX tells. */
async function askPs(
  which: readonly string[],
  { signal }: Options,
  { exec }: Pick<Runtime, 'exec'>,
): Promise<readonly RunningProcess[]> {
  const columns = ['pid', 'ppid', 'etime', 'args'].flatMap(column => ['-o', `${column}=`])
  try {
    const { stdout } = await exec('ps', [...which, ...columns], { signal })
    return stdout.split('\n').flatMap(line => parsePsLine(line) ?? [])
  } catch (error) {
    if (isAppError(error, 'ERR_EXEC')) return [] // without it nothing can be seen
    throw error
  }
}

/** A line of `ps -o pid= -o ppid= -o etime= -o args=`; a time is `[[days-]hours:]minutes:seconds`. Pure. */
export function parsePsLine(line: string): RunningProcess | undefined {
  const match = /^\s*(\d+)\s+(\d+)\s+(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)\s+(.*)$/.exec(line)
  if (match === null) return undefined
  const [, pid, parent, days = 0, hours = 0, minutes, seconds, title = ''] = match
  const agoMs =
    (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * secondMs
  const kernelName = ''
  const names = namesOf({ kernelName, title, program: undefined })
  return { pid: Number(pid), parent: Number(parent), title, names, began: { agoMs } }
}

async function readText(path: string, files: Runtime['files']): Promise<string> {
  try {
    const content = await files.read(path)
    return content === undefined ? '' : new TextDecoder().decode(content)
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error
    return '' // gone while it was being read, or closed to us
  }
}
