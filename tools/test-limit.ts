/**
 * Preloaded into every test process: ends it when something keeps it alive. The test runner has a limit for a test and
 * none for a file, and would wait forever for a file that leaves a server or a timer behind.
 */
import process from 'node:process'

// The slowest end-to-end file takes a fifth of this, and more on a busy machine.
const fileLimitMs = 300_000

// The runner loads this file too; only the processes that it starts have this variable.
if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  const limit = setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ')
    console.error(`error: ${process.argv[1]} still runs after ${fileLimitMs / 1000} s; it waits for: ${left}`)
    process.exit(1)
  }, fileLimitMs)
  limit.unref()
}
