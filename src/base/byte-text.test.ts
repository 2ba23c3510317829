import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOfText, textOfBytes } from './byte-text.ts'
import { isAppError } from './errors.ts'

test('bytes survive whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const { text, isUtf8 } = textOfBytes(bytes)
      assert.deepEqual([...bytesOfText(text, { isUtf8 })], [...bytes])
    }),
  )
})

test('a byte order mark is a character like others', () => {
  assert.deepEqual(textOfBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), { text: '\ufeffa', isUtf8: true })
})

test('a character that an old encoding may not have is refused', () => {
  assert.deepEqual(textOfBytes(Uint8Array.of(0xe4)), { text: 'ä', isUtf8: false })
  assert.throws(
    () => bytesOfText('a → b', { isUtf8: false }),
    error => isAppError(error, 'ERR_FORMAT'),
  )
})
