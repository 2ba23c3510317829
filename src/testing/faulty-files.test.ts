import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeRuntime } from './fake-runtime.ts'
import { failCall, failFrom, failOperation } from './faulty-files.ts'

describe('faulty files', () => {
  it('fail one call before it takes effect', async () => {
    const { files } = fakeRuntime()
    files.setFaults(failCall(2, 'ENOSPC'))
    await files.writeNew('/a', '', 0o600)
    await assert.rejects(files.writeNew('/b', '', 0o600), { code: 'ENOSPC', path: '/b' })
    await files.writeNew('/c', '', 0o600)
    assert.deepEqual([...files.snapshot().keys()], ['/a', '/c'])
  })

  it('fail one call after it took effect', async () => {
    const { files } = fakeRuntime()
    files.setFaults(failCall(1, 'EIO', 'after'))
    await assert.rejects(files.writeNew('/a', '', 0o600), { code: 'EIO' })
    assert.deepEqual([...files.snapshot().keys()], ['/a'])
  })

  it('stay dead from one call on, until they are repaired', async () => {
    const { files } = fakeRuntime()
    files.setFaults(failFrom(2, 'EIO'))
    await files.writeNew('/a', '', 0o600)
    await assert.rejects(files.read('/a'), { code: 'EIO' })
    await assert.rejects(files.read('/a'), { code: 'EIO' })
    files.setFaults(undefined)
    assert.equal((await files.read('/a'))?.length, 0)
  })

  it('fail every call of one operation', async () => {
    const { files } = fakeRuntime()
    files.setFaults(failOperation('replace', 'EROFS'))
    await files.writeNew('/a', '', 0o600)
    await assert.rejects(files.replace('/a', '', 0o600), { code: 'EROFS' })
  })

  it('count every call, also those that fail', async () => {
    const { files } = fakeRuntime()
    files.setFaults(failCall(1, 'EIO'))
    await assert.rejects(files.list('/x'))
    await files.facts('/y')
    assert.deepEqual(files.calls, [
      { number: 1, operation: 'list', path: '/x' },
      { number: 2, operation: 'facts', path: '/y' },
    ])
  })
})
