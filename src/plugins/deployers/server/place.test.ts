import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdentifier } from '../../../acme/identifier.ts'
import { endpointsOf } from './place.ts'

for (const { served, identifiers, expected } of [
  { served: undefined, identifiers: 'a.example b.example', expected: ['a.example'] },
  { served: undefined, identifiers: '*.a.example', expected: ['www.a.example'] },
  { served: ['a.example', 'c.example'], identifiers: 'a.example b.example', expected: ['a.example'] },
  { served: ['*.a.example'], identifiers: 'x.a.example', expected: ['x.a.example'] },
  // Nobody else has the certificate: another name would get that of everybody.
  { served: ['mail.a.example'], identifiers: '*.a.example', expected: ['mail.a.example'] },
  { served: ['*.a.example'], identifiers: '*.a.example', expected: ['www.a.example'] },
  { served: ['c.example'], identifiers: 'a.example', expected: [] },
])
  test(`a place for ${served?.join() ?? 'everybody'} is asked with a certificate for ${identifiers}`, () => {
    const place = {
      certificateFile: '/c',
      keyFile: '/k',
      source: 'x',
      endpoints: [{ host: '127.0.0.1', port: 1 }],
      ...(served !== undefined && { names: served }),
    }
    const asked = endpointsOf([place], {
      ...certificate,
      identifiers: identifiers.split(' ').map(parseIdentifier),
    })
    assert.deepEqual(
      asked.map(({ serverName }) => serverName),
      expected,
    )
  })

const certificate = { name: 'x', liveDirectory: '/live/x', fingerprint: '' }
