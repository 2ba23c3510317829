import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { describe, it } from 'node:test'
import { nodeRuntime } from './runtime.ts'

describe('node runtime', () => {
  it('loads nothing heavy to read files and the time', () => {
    const program = `
      const { nodeRuntime } = await import('${new URL('./runtime.ts', import.meta.url).href}')
      const { files, clock, random } = nodeRuntime()
      await files.read('/etc/hosts')
      clock.now()
      random.id(8)
      const heavy = ['http', 'https', 'net', 'tls', 'dns', 'child_process', 'sqlite', 'crypto']
      const loaded = heavy.filter(name => process.moduleLoadList.includes('NativeModule ' + name))
      console.log(JSON.stringify(loaded))
    `
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    })
    assert.deepEqual(JSON.parse(stdout), [])
  })

  it('knows what the machine is called', () => {
    assert.equal(nodeRuntime().hostName(), hostname())
  })

  it('reads the environment when it is asked', () => {
    const { environment } = nodeRuntime()
    process.env['CERTWRIGHT_TEST'] = 'later'
    try {
      assert.equal(environment('CERTWRIGHT_TEST'), 'later')
    } finally {
      delete process.env['CERTWRIGHT_TEST']
    }
    assert.equal(environment('CERTWRIGHT_TEST'), undefined)
  })
})
