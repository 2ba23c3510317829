/** The entry of the command line: as little as possible before the chosen command is loaded. */
import module from 'node:module'
import { refuseNode } from './node-version.ts'
import { quickStatus } from './quick.ts'

module.enableCompileCache?.()

const args = process.argv.slice(2)
const refusal = refuseNode(process.versions.node)
const globals = quickStatus(args)
if (refusal !== undefined) {
  process.stderr.write(refusal)
  process.exitCode = 1
} else if (globals === undefined) {
  const { runProgram } = await import('./program.ts')
  process.exitCode = await runProgram(args)
} else {
  const { runStatus } = await import('./quick-status.ts')
  process.exitCode = await runStatus(globals)
}
