/** The entry of the command line: as little as possible before the chosen command is loaded. */
import module from 'node:module'
import { quickStatus } from './quick.ts'

module.enableCompileCache?.()

const args = process.argv.slice(2)
const globals = quickStatus(args)
if (globals === undefined) {
  const { runProgram } = await import('./program.ts')
  process.exitCode = await runProgram(args)
} else {
  const { runStatus } = await import('./quick-status.ts')
  process.exitCode = await runStatus(globals)
}
