import { fakeRuntime } from './fake-runtime.ts'
import { testWebroot } from './webroot-contract.ts'

testWebroot('the memory webroot', async () => {
  const { webrootFiles, files } = fakeRuntime()
  await files.makeDirectory('/srv/www', 0o755)
  return { webroot: webrootFiles, files, root: '/srv/www' }
})
