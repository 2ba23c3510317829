/** Servers that read their files only when they start: started again, as a service manager does, whenever they end. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningProgram, startProgram } from '../support/programs.ts'

export type RestartedServer = AsyncDisposable & {
  /** Program and arguments that restart it and wait until that is done. */
  readonly restart: readonly string[]
  output(): string
}

/** Keeps a program running in the foreground. */
export async function keepRunning(
  path: string,
  args: readonly string[],
  { directory }: { readonly directory: string },
): Promise<RestartedServer> {
  const [pidFile, script] = [join(directory, 'restart.pid'), join(directory, 'restart')]
  let isWanted = true
  let current: RunningProgram
  let output = ''
  const start = async () => {
    current = await startProgram(path, args)
    await writeFile(pidFile, String(current.pid))
    void current.ended.then(() => {
      output += current.output()
      if (isWanted) void start()
    })
  }
  await start()
  await writeFile(
    script,
    `#!/bin/sh
old=$(cat ${pidFile})
kill "$old"
for attempt in $(seq 300); do
  now=$(cat ${pidFile})
  [ -n "$now" ] && [ "$now" != "$old" ] && exit 0
  sleep 0.1
done
echo "it did not start again" >&2
exit 1
`,
    { mode: 0o700 },
  )
  return {
    restart: [script],
    output: () => output + current.output(),
    [Symbol.asyncDispose]: async () => {
      isWanted = false
      await current[Symbol.asyncDispose]()
    },
  }
}
