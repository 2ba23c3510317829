import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileFacts } from '../../../runtime/files.ts'
import { fakeExec } from '../../../testing/fake-network.ts'
import { fakeRuntime } from '../../../testing/fake-runtime.ts'
import { type Service, tellService } from './service.ts'

const facts = { mode: 0o755, uid: 0, gid: 0, size: 0, mtimeMs: 0, ctimeMs: 0, dev: 1, ino: 1 }

/** A machine with these files and units that run. */
function machine({
  files = [],
  units = [],
  fails = false,
}: {
  files?: readonly string[]
  units?: readonly string[]
  fails?: boolean
}) {
  const said: string[] = []
  const script = (name: string) => (args: readonly string[]) => {
    said.push([name, ...args].join(' '))
    return fails ? { exitCode: 1, stderr: 'no such luck' } : ''
  }
  const runtime = fakeRuntime({
    exec: fakeExec({
      systemctl: args =>
        args.includes('is-active')
          ? { exitCode: units.includes(args.at(-1) ?? '') ? 0 : 3 }
          : script('systemctl')(args),
      '/etc/init.d/one': script('one'),
      '/etc/init.d/other': script('other'),
    }),
  })
  const there = async (path: string): Promise<FileFacts | undefined> =>
    files.includes(path) ? { kind: 'file', ...facts } : undefined
  const tell = (service: Service) =>
    tellService(
      service,
      { ...runtime, files: { ...runtime.files, facts: there } },
      { signal: AbortSignal.timeout(10_000) },
    )
  return { said, tell }
}

const systemd = '/run/systemd/system'
const service: Service = { action: 'reload', names: ['one', 'other'] }

for (const [name, given, expected] of [
  ['by systemd', { files: [systemd, '/etc/init.d/one'], units: ['one'] }, 'systemctl reload one'],
  ['by systemd, under its other name', { files: [systemd], units: ['other'] }, 'systemctl reload other'],
  ['by its init script', { files: ['/etc/init.d/one', '/etc/init.d/other'] }, 'one reload'],
  ['by the init script of its other name', { files: ['/etc/init.d/other'] }, 'other reload'],
] as const)
  test(`a service is reloaded ${name}`, async () => {
    const { said, tell } = machine(given)
    await tell(service)
    assert.deepEqual(said, [expected])
  })

for (const [name, given, message] of [
  ['systemd runs no such unit', { files: [systemd, '/etc/init.d/one'] }, /systemd runs no unit one or other/],
  ['there is nothing to tell it with', {}, /neither systemd nor an init script for one or other to reload/],
  ['it says no', { files: ['/etc/init.d/one'], fails: true }, /no such luck/],
] as const)
  test(`a service is not reloaded where ${name}`, async () => {
    const { tell } = machine(given)
    await assert.rejects(tell(service), { code: 'ERR_DEPLOY', message })
  })
