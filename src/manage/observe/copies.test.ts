import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../../base/instant.ts'
import { sha256Hex } from '../../base/sha256.ts'
import type { FileCopy } from '../../runtime/target-files.ts'
import { fakeRuntime } from '../../testing/fake-runtime.ts'
import type { Deployment } from '../store/deployments.ts'
import { changedCopies } from './copies.ts'

const path = '/etc/tls/key.pem'
const copy: FileCopy = { path, sha256: sha256Hex(Buffer.from('key')), mode: 0o640, uid: 0, gid: 0 }

async function look(
  change: Partial<FileCopy>,
  lies: 'there' | 'nowhere' | 'as a link' = 'there',
  fault?: string,
) {
  const { files } = fakeRuntime()
  if (lies === 'there') await files.put(path, 'key', 0o640)
  else await files.makeDirectory('/etc/tls', 0o755)
  if (lies === 'as a link') await files.replaceLink(path, 'elsewhere')
  if (fault !== undefined)
    files.setFaults(({ operation }) => (operation === 'read' ? { code: fault } : undefined))
  const deployment: Deployment = {
    target: 'files (/etc/tls)',
    generation: '1',
    at: instant(0),
    seenAt: [],
    copies: [{ ...copy, ...change }],
  }
  return changedCopies([{ ...deployment, copies: [] }, deployment], { files })
}

test('a copy as it was written is not reported', async () => {
  assert.deepEqual(await look({}), [])
})

const changes = [
  {
    what: 'another content',
    seen: () => look({ sha256: sha256Hex(Buffer.from('other')) }),
    text: 'has another content now',
  },
  { what: 'another owner', seen: () => look({ uid: 5 }), text: 'belongs to 0:0 now, instead of 5:0' },
  { what: 'another group', seen: () => look({ gid: 6 }), text: 'belongs to 0:0 now, instead of 0:6' },
  { what: 'another mode', seen: () => look({ mode: 0o600 }), text: 'has mode 0640 now, instead of 0600' },
  { what: 'no file', seen: () => look({}, 'nowhere'), text: 'is not there any more' },
  { what: 'a link', seen: () => look({}, 'as a link'), text: 'is a symlink now' },
  {
    what: 'a broken disk',
    seen: () => look({}, 'there', 'EIO'),
    text: "cannot be read: EIO: i/o error, read '/etc/tls/key.pem'",
  },
]
for (const { what, seen, text } of changes) {
  test(`${what} is reported`, async () => {
    assert.deepEqual(await seen(), [{ target: 'files (/etc/tls)', path, text }])
  })
}
