import { fakeClock } from './fake-clock.ts'
import { memoryFiles } from './memory-files.ts'
import { memoryTargetFiles } from './memory-target-files.ts'
import { testTargetFiles } from './target-files-contract.ts'

testTargetFiles('memory', async () => {
  const files = memoryFiles({ clock: fakeClock() })
  await files.makeDirectory('/etc/ssl', 0o755)
  return { targets: memoryTargetFiles(files), files, root: '/etc/ssl' }
})
