import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isKeyTaken } from './key-access.ts'

const cases = [
  { uid: 7, mode: 0o600, server: 7, taken: true },
  { uid: 7, mode: 0o400, server: 7, taken: true },
  { uid: 7, mode: 0o640, server: 7, taken: false },
  { uid: 7, mode: 0o604, server: 7, taken: false },
  { uid: 8, mode: 0o600, server: 7, taken: false },
  { uid: 0, mode: 0o600, server: 7, taken: false },
  { uid: 0, mode: 0o640, server: 7, taken: true },
  { uid: 0, mode: 0o660, server: 7, taken: false },
  { uid: 0, mode: 0o644, server: 7, taken: false },
  { uid: 0, mode: 0o600, server: 0, taken: true },
  { uid: 7, mode: 0o600, server: undefined, taken: true },
  { uid: 0, mode: 0o640, server: undefined, taken: true },
  { uid: 0, mode: 0o600, server: undefined, taken: false },
]
for (const { uid, mode, server, taken } of cases)
  it(`PostgreSQL of ${server ?? 'somebody'} ${taken ? 'takes' : 'does not take'} a key of ${uid} with ${mode.toString(8)}`, () =>
    assert.equal(
      isKeyTaken({ uid, mode: 0o100000 | mode }, server === undefined ? undefined : { uid: server }),
      taken,
    ))
