/** The entry of the command line: as little as possible before the chosen command is loaded. */
import module from 'node:module'

module.enableCompileCache?.()

const { runProgram } = await import('./program.ts')
process.exitCode = await runProgram(process.argv.slice(2))
